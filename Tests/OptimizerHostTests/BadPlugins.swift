// The deliberately broken plugins of Tests/BadPlugins, and what the host makes of them.

import Foundation
import OptimizerHost
import TestSupport
import Testing

enum BadPlugins {
  /// All of them, compiled at the first use.
  static let all = Result { try CPlugin.compileAll(in: Repository.file("Tests/BadPlugins")) }

  /// The file of one of them.
  static func file(_ name: String) throws -> URL {
    try #require(try all.get()[name], "Tests/BadPlugins/\(name).c does not exist")
  }

  /// Loads files that are named at once, so that all of their code runs in this process.
  static func registry() -> PluginRegistry {
    PluginRegistry(searchPath: [BuildProducts.directory.path], scanning: Scanning())
  }

  /// Makes an optimizer of the plugin over a parameter `w` of four elements, and answers the error.
  static func refusal(of plugin: URL) throws -> OptimizerError {
    let weights = Tensor<Float>("w", [1, 2, 3, 4])
    let error = try #require(throws: OptimizerError.self) {
      _ = try Training(plugin.path, [weights], registry: registry())
    }
    return error
  }
}

/// A broken plugin and a part of what its refusal must say.
struct BadPlugin: CustomTestStringConvertible {
  let name: String
  let message: String

  init(_ name: String, _ message: String) {
    self.name = name
    self.message = message
  }

  var testDescription: String { name }

  /// Expects that the plugin is refused as one that describes itself wrongly.
  func expectWrongDescription() throws {
    let file = try BadPlugins.file(name)
    let error = try BadPlugins.refusal(of: file)
    guard case .plugin(let path, .descriptor(let problem)) = error else {
      Issue.record("refused for another reason: \(error)")
      return
    }
    #expect(path == file.path)
    #expect(problem.contains(message), "\(problem)")
    #expect("\(error)".hasPrefix("plugin \(file.path): describes itself wrongly: "))
    #expect("\(error)".hasSuffix("; report it to the plugin's author"))
    #expect(CPlugin.events(of: file).prefix(2) == ["loaded", "entered"])
  }
}
