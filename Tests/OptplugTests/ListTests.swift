// What is found, as lines and as JSON.

import Foundation
import TestSupport
import Testing

@Suite struct ListTests {
  private let program: Program

  init() throws { program = try Program("optplug") }

  private func list(_ arguments: String...) throws -> String {
    let outcome = try program.start(
      ["list"] + arguments,
      environment: ["OPTPLUG_PATH": program.path("plugins"), "HOME": program.folder.url.path]
    ).finish()
    #expect(outcome.status == 0 && outcome.error == "", "\(outcome.error)")
    return outcome.output
  }

  private func json() throws -> [[String: Any]] {
    let object = try JSONSerialization.jsonObject(with: Data(list("--json").utf8)) as? [String: Any]
    return try #require(object?["files"] as? [[String: Any]])
  }

  private func add(_ name: String, _ file: URL) throws {
    try FileManager.default.createDirectory(
      atPath: program.path("plugins"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(at: file, to: URL(fileURLWithPath: program.path("plugins/\(name)")))
  }

  @Test func oneLineForEachOptimizer() throws {
    let lines = try list().split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let adamw = try #require(lines.first { $0.first == "adamw" })
    #expect(adamw[1] == "1.0.0" && adamw[2].hasPrefix("fd-") && adamw[3] == BuildProducts.plugin("Adam").path)
    let lookahead = try #require(lines.first { $0.first == "lookahead" })
    #expect(lookahead[2].hasPrefix("fdw"))
    #expect(lines.contains { $0 == ["w", "wraps", "other", "optimizers"] })
  }

  @Test func whatFailsSaysWhyAndIsRemembered() throws {
    let source = try program.folder.write(
      "crash.c", "#include <stdlib.h>\n#define ENTRY abort();\n#include \"bad.h\"\n".utf8)
    let crash = try CPlugin.compile(
      source: URL(fileURLWithPath: source), flags: ["-I", Repository.file("Tests/BadPlugins").path])
    try add("crash.so", crash)
    try program.write(Array("text".utf8), to: "plugins/text.so")
    let first = try list()
    #expect(first.contains("cannot be used\n"))
    #expect(first.contains("plugins/crash.so: crashes in optplug_entry_v1 (Aborted)"), "\(first)")
    #expect(first.contains("plugins/text.so: is not a shared object"))
    #expect(try list().contains("(as found before; 'optplug list --retry' tries again)"))
    #expect(CPlugin.events(of: crash) == ["loaded", "entered"])
    #expect(try !list("--retry").contains("as found before"))
    #expect(CPlugin.events(of: crash) == ["loaded", "entered", "loaded", "entered"])
    #expect(try json().contains { ($0["problem"] as? String)?.contains("crashes") == true })
  }

  @Test func aNameThatMeansAnotherFileSaysSo() throws {
    try add("libAdam.so", BuildProducts.plugin("Adam"))
    let theirs = try #require(try json().first { $0["path"] as? String == BuildProducts.plugin("Adam").path })
    let optimizers = try #require(theirs["optimizers"] as? [[String: Any]])
    #expect(optimizers.allSatisfy { $0["hidden_by"] as? String == program.path("plugins/libAdam.so") })
    #expect(try list().contains("(hidden by \(program.path("plugins/libAdam.so")))"))
    let hash = try #require(theirs["sha256"] as? String)
    #expect(hash.count == 64)
    #expect(try json().filter { $0["sha256"] as? String == hash }.count == 2)
  }
}
