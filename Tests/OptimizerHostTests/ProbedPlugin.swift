// Plugins that harm who loads them, and registries that look into them from a safe distance.

import Foundation
import TestSupport

@testable import OptimizerHost

/// A folder with plugins in C, a cache, and a helper whose starts can be counted.
final class ProbedPlugins {
  let folder: TemporaryFolder
  var scanning: Scanning

  init(timeLimit: Duration = .seconds(20)) throws {
    folder = try TemporaryFolder()
    let real = BuildProducts.directory.appendingPathComponent("optplug-probe").path
    let counter = folder.path("starts")
    let script = try folder.write(
      "probe", "#!/bin/sh\necho started >> '\(counter)'\nexec '\(real)' \"$@\"\n".utf8)
    guard chmod(script, 0o700) == 0 else { throw POSIXError(.EPERM) }
    try FileManager.default.createDirectory(
      atPath: folder.path("plugins"), withIntermediateDirectories: false)
    scanning = Scanning(probe: script, cache: folder.path("cache/optplug"), timeLimit: timeLimit)
  }

  /// How often the helper was started.
  var starts: Int {
    let text = (try? String(contentsOfFile: folder.path("starts"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").count
  }

  /// Where plugins lie that are found by name.
  var plugins: URL { folder.url.appendingPathComponent("plugins") }

  /// Compiles a valid plugin named `bad` with additions, and puts it where it is found.
  /// - Parameters:
  ///   - defines: macros of bad.h.
  ///   - code: behind it.
  func add(_ name: String, defines: [String: String] = [:], code: String = "") throws -> String {
    let macros = defines.map { "#define \($0.key) \($0.value)\n" }.joined()
    let source = try folder.write("\(name).c", (macros + "#include \"bad.h\"\n" + code + "\n").utf8)
    let plugin = try CPlugin.compile(
      source: URL(fileURLWithPath: source), flags: ["-I", Repository.file("Tests/BadPlugins").path])
    try FileManager.default.copyItem(at: plugin, to: plugins.appendingPathComponent("\(name).so"))
    return path(name)
  }

  func path(_ name: String) -> String { plugins.appendingPathComponent("\(name).so").path }

  /// What a fresh registry makes of an expression.
  func find(_ text: String) throws -> OptimizerType {
    try PluginRegistry(searchPath: [plugins.path], scanning: scanning).find(
      OptimizerExpression(parsing: text))
  }

  /// Why a fresh registry refuses a plugin; nil when it does not.
  func refusal(of path: String) -> Refusal? {
    do {
      _ = try find(path)
      return nil
    } catch OptimizerError.plugin(_, let refusal) {
      return refusal
    } catch {
      return .entry("unexpected: \(error)")
    }
  }

  /// Files of the cache.
  func cached() throws -> [URL] {
    let folder = URL(fileURLWithPath: scanning.cache ?? "")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
  }

  static func constructor(_ statements: String) -> String {
    "#include <signal.h>\n#include <stdlib.h>\n#include <unistd.h>\n"
      + "__attribute__((constructor)) static void start(void) { \(statements) }"
  }
}
