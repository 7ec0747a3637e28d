// A file of unknown content is tried once, and what came of it is remembered by its content.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct ScanningTests {
  @Test func aFileIsTriedOnce() throws {
    let plugins = try ProbedPlugins()
    let path = try plugins.add("good")
    for _ in 0..<3 { #expect(try plugins.find("bad").path == path) }
    #expect(plugins.starts == 1)
    // The content counts, not the name.
    try FileManager.default.moveItem(atPath: path, toPath: plugins.path("moved"))
    #expect(try plugins.find("bad").path == plugins.path("moved"))
    #expect(plugins.starts == 1)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: plugins.path("moved")))
    try handle.seekToEnd()
    try handle.write(contentsOf: [0])
    #expect(try plugins.find("bad").name == "bad")
    #expect(plugins.starts == 2)
    #expect(try plugins.cached().count == 2)
  }

  @Test func failuresAreRememberedUntilAskedToRetry() throws {
    let plugins = try ProbedPlugins()
    let path = try plugins.add("crash", code: ProbedPlugins.constructor("abort();"))
    let refusal = Refusal.crashes(.loading, signal: SIGABRT)
    #expect(plugins.refusal(of: path) == refusal)
    #expect(plugins.refusal(of: path) == .remembered(refusal))
    #expect(
      "\(Refusal.remembered(refusal))" == "\(refusal) (as found before; 'optplug list --retry' tries again)")
    #expect(plugins.starts == 1)
    plugins.scanning.retriesFailures = true
    #expect(plugins.refusal(of: path) == refusal)
    #expect(plugins.starts == 2)
  }

  /// What is missing may be there the next time.
  @Test func aMissingLibraryIsNotRemembered() throws {
    let plugins = try ProbedPlugins()
    let library = plugins.folder.path("libabsent.so")
    let stub = try plugins.folder.write("stub.c", "int stub(void) { return 1; }\n".utf8)
    try Compiler.cc.run(["-shared", "-fPIC", "-o", library, stub])
    let source = try plugins.folder.write(
      "needs.c",
      "extern int stub(void);\n#define STEP if (stub() == 0) return OPTPLUG_INTERNAL;\n#include \"bad.h\"\n"
        .utf8)
    let compiled = try CPlugin.compile(
      source: URL(fileURLWithPath: source),
      flags: [
        "-I", Repository.file("Tests/BadPlugins").path, "-L", plugins.folder.url.path, "-labsent",
        "-Wl,-rpath,\(plugins.folder.url.path)",
      ])
    try FileManager.default.copyItem(atPath: compiled.path, toPath: plugins.path("needs"))
    try FileManager.default.moveItem(atPath: library, toPath: library + ".away")
    #expect(plugins.refusal(of: plugins.path("needs")) == .missingDependency("libabsent.so"))
    try FileManager.default.moveItem(atPath: library + ".away", toPath: library)
    #expect(plugins.refusal(of: plugins.path("needs")) == nil)
    #expect(plugins.starts == 2)
  }

  /// Whatever is damaged counts as unknown and is mended.
  @Test(arguments: [
    "", "{", "[1]", "{\"host\":\"another\",\"path\":\"\",\"verdict\":{\"plugin\":{\"_0\":[]}}}",
  ])
  func aDamagedCacheIsIgnored(_ content: String) throws {
    let plugins = try ProbedPlugins()
    _ = try plugins.add("good")
    _ = try plugins.find("bad")
    let file = try #require(try plugins.cached().first)
    let whole = try Data(contentsOf: file)
    try Data(content.utf8).write(to: file)
    #expect(try plugins.find("bad").name == "bad")
    #expect(plugins.starts == 2)
    #expect(try Data(contentsOf: file) == whole)
    #expect(try plugins.cached().count == 1)
  }

  @Test func aCacheThatOthersMayWriteToIsNotUsed() throws {
    let plugins = try ProbedPlugins()
    _ = try plugins.add("good")
    _ = try plugins.find("bad")
    #expect(chmod(try #require(plugins.scanning.cache), 0o777) == 0)
    _ = try plugins.find("bad")
    #expect(plugins.starts == 2)
  }

  @Test func withoutCacheARegistryRemembersForItself() throws {
    let plugins = try ProbedPlugins()
    plugins.scanning.cache = nil
    _ = try plugins.add("good")
    let registry = PluginRegistry(searchPath: [plugins.plugins.path], scanning: plugins.scanning)
    for _ in 0..<3 {
      #expect(throws: OptimizerError.self) { try registry.find(OptimizerExpression(parsing: "nobody")) }
    }
    #expect(plugins.starts == 1)
  }

  @Test func manyAtOnceAgree() throws {
    let plugins = try ProbedPlugins()
    let path = try plugins.add("good")
    let (folder, scanning) = (plugins.plugins.path, plugins.scanning)
    let found = Locked<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { _ in
      let registry = PluginRegistry(searchPath: [folder], scanning: scanning)
      let type = try? registry.find(OptimizerExpression(parsing: "bad"))
      found.withLock { $0.append(type?.path ?? "none") }
    }
    #expect(found.withLock { $0 } == Array(repeating: path, count: 6))
    #expect(try plugins.cached().count == 1)
  }

  /// Among all that may lie in a folder, the one that is meant is found; asked for another, each says what ails it.
  @Test(.enabled(if: Platform.usesELF)) func aFolderOfTraps() throws {
    let plugins = try ProbedPlugins(timeLimit: .seconds(4))
    #expect(mkfifo(plugins.path("a-pipe"), 0o600) == 0)
    try FileManager.default.createDirectory(
      atPath: plugins.path("a-folder"), withIntermediateDirectories: false)
    try Data("junk".utf8).write(to: URL(fileURLWithPath: plugins.path("a-text")))
    let whole = try Data(contentsOf: BuildProducts.plugin("SGD"))
    try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: plugins.path("cut")))
    _ = try plugins.add("crash", code: ProbedPlugins.constructor("abort();"))
    _ = try plugins.add("hang", code: ProbedPlugins.constructor("for (;;) pause();"))
    try whole.write(to: URL(fileURLWithPath: plugins.path("z")))
    #expect(try plugins.find("sgd").path == plugins.path("z"))
    let error = #expect(throws: OptimizerError.self) { try plugins.find("nobody") }
    let text = "\(try #require(error))"
    for trap in ["crash.so: crashes", "hang.so: hangs"] { #expect(text.contains(trap), "\(text)") }
    #expect(text.contains("Found: sgd"))
    for trap in ["a-pipe", "a-folder", "a-text", "cut"] {
      let time = shortestTime { #expect(plugins.refusal(of: plugins.path(trap)) != nil) }
      #expect(time < .milliseconds(200))
    }
  }

  /// Without the helper, only what the user names may run.
  @Test func withoutHelper() throws {
    let plugins = try ProbedPlugins()
    plugins.scanning.probe = nil
    let path = try plugins.add("good")
    let error = #expect(throws: OptimizerError.self) { try plugins.find("bad") }
    #expect("\(try #require(error))".contains("\(path): was not loaded, since it is unknown"))
    #expect(try plugins.find(path).name == "bad")
    try FileManager.default.moveItem(atPath: path, toPath: plugins.path("libbad"))
    #expect(try plugins.find("bad").name == "bad")
    #expect(plugins.starts == 0)
  }

  @Test func aHelperThatDoesNotWork() throws {
    let plugins = try ProbedPlugins()
    let path = try plugins.add("good")
    for helper in [plugins.folder.path("missing"), "/bin/false"] {
      plugins.scanning.probe = helper
      guard case .untried(let reason) = plugins.refusal(of: path) else {
        Issue.record("\(helper): \(String(describing: plugins.refusal(of: path)))")
        continue
      }
      #expect(reason.contains(helper) || reason.contains("build it again"))
    }
    #expect((try? plugins.cached())?.isEmpty != false)
  }
}

@Suite struct StandardScanningTests {
  @Test func cacheFollowsTheBaseDirectories() {
    #expect(Scanning.standard(environment: ["HOME": "/home/ada"]).cache == "/home/ada/.cache/optplug")
    let both = ["HOME": "/home/ada", "XDG_CACHE_HOME": "/var/ada"]
    #expect(Scanning.standard(environment: both).cache == "/var/ada/optplug")
    let relative = ["HOME": "/home/ada", "XDG_CACHE_HOME": "cache"]
    #expect(Scanning.standard(environment: relative).cache == "/home/ada/.cache/optplug")
    #expect(Scanning.standard(environment: [:]).cache == nil)
  }

  @Test func helperIsNamedOrLiesBesideTheProgram() {
    #expect(Scanning.standard(environment: ["OPTPLUG_PROBE": "/opt/probe"]).probe == "/opt/probe")
    #expect(Scanning.standard(environment: [:]).probe?.hasSuffix("/optplug-probe") == true)
  }
}
