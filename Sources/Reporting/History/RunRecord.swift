// A run as its directory has it, read with suspicion: files may be damaged, or somebody else's.

import Foundation
import Training

/// What a run directory says of its run.
public struct RunRecord: Sendable {
  /// The directory's name; in a comparison with as much of its path as tells it from the others.
  public internal(set) var name: String
  /// Of the directory's path, from the root; of the name alone where there is no directory.
  let pathComponents: [String]
  public internal(set) var history = RunHistory()
  /// From `config.json` and `environment.json`, nested names joined by points; empty without such a file.
  public internal(set) var configuration: [Setting] = []
  public internal(set) var environment: [Setting] = []
  public internal(set) var mistakes: Mistakes?
  /// What a reader should know of the files.
  public internal(set) var notes: [String] = []

  public typealias Setting = (name: String, value: String)

  init(name: String) {
    self.name = name
    pathComponents = [name]
  }

  /// Reads a run directory.
  /// - Throws: ``ReportingError``.
  public init(reading directory: String) throws(ReportingError) {
    let location = URL(fileURLWithPath: directory).standardizedFileURL
    name = location.lastPathComponent
    pathComponents = location.pathComponents
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder) else {
      throw .unreadable(path: directory, reason: "no such folder")
    }
    guard isFolder.boolValue else { throw .noRun(path: directory, reason: "it is a file") }
    guard let metrics = try Self.bytes(of: "metrics.jsonl", in: directory, limit: 512 << 20) else {
      throw .noRun(path: directory, reason: "metrics.jsonl is not there")
    }
    try readMetrics(metrics, path: directory + "/metrics.jsonl")
    configuration = try Self.settings(of: "config.json", in: directory)
    environment = try Self.settings(of: "environment.json", in: directory)
    if let content = try Self.bytes(of: Mistakes.fileName, in: directory, limit: 64 << 20) {
      do { mistakes = try JSONDecoder().decode(Mistakes.self, from: content) } catch {
        throw .malformed(
          path: directory + "/" + Mistakes.fileName, line: nil, reason: Self.explain(error))
      }
    }
  }

  /// The first value of these names in configuration or environment.
  public func setting(_ names: String...) -> String? {
    for name in names {
      if let found = (configuration + environment).first(where: { $0.name == name }) { return found.value }
    }
    return nil
  }

  /// The optimizers of the expression, a wrapper around its base: `lookahead(adam)`.
  public var optimizer: String? {
    let names = environment.filter { $0.name.wholeMatch(of: /plugins\.\d+\.name/) != nil }.map(\.value)
    guard let innermost = names.last else { return setting("optimizer", "optimizer-plugin") }
    return names.dropLast().reversed().reduce(innermost) { "\($1)(\($0))" }
  }

  private mutating func readMetrics(_ content: Data, path: String) throws(ReportingError) {
    let lines = content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() where !line.isEmpty {
      do {
        guard let text = String(validating: line, as: UTF8.self) else {
          throw ReportingError.malformed(path: path, line: number + 1, reason: "it is no text")
        }
        guard let record = try EventRecord.reading(line: text) else { continue }
        try check(record, path: path, line: number + 1)
        history.add(record)
      } catch {
        // A run that was killed may leave half a line.
        if number == lines.count - 1 {
          notes.append(
            "The last line of metrics.jsonl is incomplete and left out: the run did not end by itself.")
          return
        }
        throw error as? ReportingError
          ?? .malformed(path: path, line: number + 1, reason: Self.explain(error))
      }
    }
  }

  /// Numbers that JSON allows and no run writes.
  private func check(_ record: EventRecord, path: String, line: Int) throws(ReportingError) {
    func require(_ holds: Bool, _ reason: String) throws(ReportingError) {
      guard holds else { throw .malformed(path: path, line: line, reason: reason) }
    }
    switch record {
    case .step(let step): try require(step.step > 0 && step.epoch > 0, "step and epoch count from 1")
    case .epoch(let epoch): try require(epoch.step > 0 && epoch.epoch > 0, "step and epoch count from 1")
    case .test(let test):
      let size = test.confusionMatrix.count
      try require(
        size <= 1000 && test.confusionMatrix.allSatisfy { $0.count == size },
        "the confusion matrix is not square, or larger than 1000 classes")
      try require(
        test.confusionMatrix.allSatisfy { $0.allSatisfy { 0...1 << 40 ~= $0 } },
        "the confusion matrix holds numbers that are no counts")
    case .checkpoint: break
    }
  }

  private static func settings(of name: String, in directory: String) throws(ReportingError) -> [Setting] {
    guard let content = try bytes(of: name, in: directory, limit: 4 << 20) else { return [] }
    guard let object = try? JSONSerialization.jsonObject(with: content) as? [String: Any] else {
      throw .malformed(path: directory + "/" + name, line: nil, reason: "it is no JSON object")
    }
    return flatten(object, prefix: "")
  }

  private static func flatten(_ value: Any, prefix: String) -> [Setting] {
    switch value {
    case let object as [String: Any]:
      return object.sorted { $0.key < $1.key }.flatMap { key, value in
        flatten(value, prefix: prefix.isEmpty ? key : "\(prefix).\(key)")
      }
    case let list as [Any] where list.contains { $0 is [String: Any] || $0 is [Any] }:
      return list.enumerated().flatMap { flatten($1, prefix: "\(prefix).\($0 + 1)") }
    case let list as [Any]: return [(prefix, list.map { text($0) }.joined(separator: ", "))]
    default: return [(prefix, text(value))]
    }
  }

  private static func text(_ value: Any) -> String {
    switch value {
    case is NSNull: "–"
    // A number that is a truth value says so by its type alone.
    case let number as NSNumber where String(cString: number.objCType) == "c": number.boolValue ? "yes" : "no"
    default: "\(value)"
    }
  }

  /// A regular file's content; nil if there is none.
  private static func bytes(of name: String, in directory: String, limit: Int) throws(ReportingError) -> Data?
  {
    let path = directory + "/" + name
    var info = stat()
    guard stat(path, &info) == 0 else {
      if errno == ENOENT { return nil }
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "not a regular file")
    }
    guard info.st_size <= limit else {
      throw .malformed(path: path, line: nil, reason: "it is larger than \(limit >> 20) MiB")
    }
    do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw .unreadable(path: path, reason: "no permission or a failing disk")
    }
  }

  /// What a decoder found, in words.
  private static func explain(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .keyNotFound(let key, _): "\"\(key.stringValue)\" is missing"
    case .typeMismatch(_, let context) where !context.codingPath.isEmpty,
      .valueNotFound(_, let context) where !context.codingPath.isEmpty:
      "\"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" is of another kind than it should be"
    default: "it is no JSON object of a run"
    }
  }
}
