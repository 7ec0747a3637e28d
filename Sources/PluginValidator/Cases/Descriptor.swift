// Cases about what the plugin says of itself.

import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  static let descriptor: [ValidationCase] = [
    ValidationCase(
      "describes-itself", "Names, ranges, sizes and counts keep to the rules of optplug.h.", needs: .file,
      ofLibrary: true
    ) { subject in
      do { _ = try subject.plugin() } catch OptimizerError.plugin(_, let refusal) {
        if case .descriptor = refusal { throw Verdict.failed("it \(refusal)") }
        throw Verdict.skipped("it is not loaded for another reason; see 'loads'")
      }
    },
    ValidationCase(
      "documents-itself", "Versions, summaries and what hyperparameters mean are written out.",
      needs: .library,
      ofLibrary: true
    ) { subject in
      for type in try subject.plugin().optimizers {
        let empty = [("version", type.version), ("summary", type.summary)].first { $0.1.isBlank }
        if let empty { throw Verdict.warning("'\(type.name)' has an empty \(empty.0)") }
        if let hyperparameter = type.hyperparameters.first(where: { $0.doc.isBlank }) {
          throw Verdict.warning(
            "hyperparameter '\(hyperparameter.name)' of '\(type.name)' has no doc; say what it means, in one sentence"
          )
        }
      }
    },
    ValidationCase(
      "stays-as-described", "Descriptors are the same, byte by byte, after training as before.",
      ofLibrary: false
    ) { subject in
      let descriptor = try subject.descriptor()
      let before = description(descriptor)
      do {
        let training = try Training(subject)
        try training.step(times: 6)
      }
      try expect(
        description(descriptor) == before,
        "its description changes while it trains; descriptors are constant for the life of the process")
    },
    ValidationCase(
      "knows-only-its-extensions", "Asked for an extension that nobody knows, it answers NULL.",
      needs: .library
    ) { subject in
      let descriptor = try subject.descriptor()
      var library: UnsafePointer<optplug_library>?
      guard try subject.entry()(LoadedPlugin.host, &library, nil) == OPTPLUG_OK else { return }
      for id in ["org.example.unheard-of/1", "optplug.eval-view/4294967295", ""] {
        try expect(
          descriptor.pointee.get_extension?(descriptor, id) == nil,
          "the optimizer's get_extension answers \"\(id)\"; compare whole ids and answer NULL for others")
        try expect(
          library?.pointee.get_extension?(id) == nil,
          "the library's get_extension answers \"\(id)\"; compare whole ids and answer NULL for others")
      }
    },
  ]
}

extension String {
  fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}

/// Every byte that describes an optimizer: structs and the texts they point to.
private func description(_ descriptor: UnsafePointer<optplug_optimizer>) -> [UInt8] {
  func bytes(_ memory: UnsafeRawPointer?, _ count: Int) -> [UInt8] {
    memory.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) } ?? []
  }
  func text(_ pointer: UnsafePointer<CChar>?) -> [UInt8] {
    pointer.map { Array(String(cString: $0).utf8) } ?? []
  }
  let optimizer = descriptor.pointee
  var all = bytes(descriptor, Int(optimizer.struct_size))
  all += text(optimizer.name) + text(optimizer.version) + text(optimizer.summary) + text(optimizer.url)
  let span = optimizer.hyperparameters
  all += bytes(span.data, Int(span.count) * Int(span.stride))
  for i in 0..<Int(span.count) {
    guard let data = span.data else { break }
    let entry = (data + i * Int(span.stride)).load(as: optplug_hyperparameter.self)
    all += text(entry.name) + text(entry.doc)
    var choice = 0
    while let word = entry.choices?[choice] {
      all += text(word)
      choice += 1
    }
  }
  for i in 0..<Int(optimizer.base_count) { all += text(optimizer.base_roles?[i]) }
  return all
}
