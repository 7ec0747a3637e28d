// Reads how an optimizer says that its own extensions are called.

import COptPlug

/// What an optimizer says in `OPTPLUG_EXTENSION_SIGNATURES`.
struct DescribedSignatures {
  /// By the extension's id.
  private(set) var tables: [String: [FunctionSignature]] = [:]
  /// Extensions that are described wrongly.
  private(set) var refused: Set<String> = []
  /// What was wrong, in words.
  private(set) var problems: [String] = []

  /// Asks the optimizer; extensions with an entry that makes no sense are left out and named.
  init(_ type: OptimizerType) {
    guard
      let table = type.table(
        OPTPLUG_EXTENSION_SIGNATURES, as: optplug_signatures.self, least: OPTPLUG_SIGNATURES_SIZE_1_0)
    else { return }
    do {
      let entries = try DescriptorCheck.elements(
        table.pointee.functions, as: optplug_signature.self, least: OPTPLUG_SIGNATURE_SIZE_1_0, most: 1024,
        of: "signatures of '\(type.name)'")
      for (i, entry) in entries.enumerated() { add(entry.pointee, place: i + 1, of: type.name) }
    } catch {
      problems.append("\(type.name): \(error); functions of its own extensions are not traced")
    }
  }

  private mutating func add(_ entry: optplug_signature, place: Int, of name: String) {
    let id = entry.extension.map { String(cString: $0) } ?? ""
    guard !id.isEmpty, let member = try? DescriptorCheck.name(entry.member, of: "a function"),
      let signature = entry.signature.map({ String(cString: $0) }), entry.offset >= 8, entry.offset % 8 == 0
    else {
      problems.append(
        "\(name): signature \(place) lacks an extension, a legal name or a type, or its offset \(entry.offset) is not "
          + "a multiple of 8 behind struct_size; extension \(id) is handed on untraced")
      refused.insert(id)
      tables[id] = nil
      return
    }
    guard !refused.contains(id) else { return }
    let parameters = entry.parameters.map { String(cString: $0) } ?? ""
    tables[id, default: []].append(
      FunctionSignature(member, at: Int(entry.offset), signature, parameters))
  }
}
