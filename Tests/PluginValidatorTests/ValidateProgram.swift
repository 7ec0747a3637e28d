// Runs the real `optplug validate`, and makes the plugins that it looks at.

import Foundation
import PluginValidator
import TestSupport

/// What `optplug validate` said.
struct ValidateOutcome {
  let status: Int32
  let output: String
  let error: String

  /// Runs it to its end.
  static func of(_ arguments: [String], environment: [String: String] = [:]) throws -> ValidateOutcome {
    let process = Process()
    process.executableURL = BuildProducts.directory.appendingPathComponent("optplug")
    process.arguments = ["validate"] + arguments
    process.environment = ProcessInfo.processInfo.environment
      .merging(["OPTPLUG_PATH": BuildProducts.directory.path]) { $1 }.merging(environment) { $1 }
    // Files, which cannot fill up and block as pipes do.
    let folder = try TemporaryFolder()
    let (output, error) = (try folder.write("output", []), try folder.write("error", []))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: error))
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return ValidateOutcome(
      status: process.terminationStatus, output: try String(contentsOfFile: output, encoding: .utf8),
      error: try String(contentsOfFile: error, encoding: .utf8))
  }

  /// What `--json` wrote.
  func runs() throws -> [Run] { try JSONDecoder().decode([Run].self, from: Data(output.utf8)) }

  struct Run: Decodable {
    let path: String
    let seed: UInt64
    let seconds: Double
    let counts: [String: Int]
    let results: [Result]
  }

  struct Result: Decodable, Equatable, CustomStringConvertible {
    let `case`: String
    let group: String
    let optimizer: String?
    let outcome: PluginValidator.Outcome
    let message: String

    var description: String { "\(`case`) \(outcome.rawValue): \(message)" }
  }
}

/// Plugins with one fault each, named after the case that finds it.
enum BrokenPlugins {
  static let folder = Repository.file("Tests/BadPlugins/validator")

  /// All names, those of the plugins without a fault excepted.
  static let names: [String] = {
    let files = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    return (files ?? []).filter { $0.hasSuffix(".c") && !$0.hasPrefix("valid") }.map {
      String($0.dropLast(2))
    }.sorted()
  }()

  /// Compiles a plugin. A comment `flags: …` in its source adds to the compiler's arguments.
  static func file(_ name: String, in folder: URL = folder) throws -> String {
    let source = folder.appendingPathComponent("\(name).c")
    let text = try String(contentsOf: source, encoding: .utf8)
    let flags =
      text.firstMatch(of: /\/\* flags: (.*) \*\//).map { $0.1.split(separator: " ").map(String.init) } ?? []
    return try CPlugin.compile(source: source, flags: flags + ["-I", Self.folder.path]).path
  }
}
