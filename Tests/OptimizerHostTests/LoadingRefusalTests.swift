// Plugins that are refused before any of their code runs, or by their entry.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct LoadingRefusalTests {
  static let beforeLoading: [(String, Refusal, remedy: String)] = [
    ("minor-by-note", .newerABI(required: 9, built: 0, host: 0), "update the host"),
    ("major-by-symbol", .otherMajor(2), "build it with this host's optplug.h"),
    ("major-by-note", .otherMajor(3), "build it with this host's optplug.h"),
    ("note-short", .damagedNote, "write OPTPLUG_PLUGIN_NOTE"),
    ("note-magic", .damagedNote, "write OPTPLUG_PLUGIN_NOTE"),
    (
      "note-instructions",
      .instructionSet("instruction set number 99", missing: ["support known to this host"]),
      "build it for an older instruction set"
    ),
    ("no-entry", .noEntrySymbol, "define that function"),
  ]

  @Test(.enabled(if: Platform.usesELF), arguments: beforeLoading)
  func refusedBeforeAnyCodeRuns(_ name: String, _ refusal: Refusal, remedy: String) throws {
    let file = try BadPlugins.file(name)
    let error = try BadPlugins.refusal(of: file)
    #expect(error == .plugin(file.path, refusal))
    #expect("\(error)".contains(file.path))
    #expect("\(error)".contains(remedy), "\(error)")
    #expect(CPlugin.events(of: file) == [])
  }

  static let byEntry: [(String, Refusal, remedy: String)] = [
    ("minor-by-library", .newerABI(required: 9, built: 10, host: 0), "needs ABI 1.9 (built with 1.10)"),
    ("entry-fails", .entry("the licence has run out"), "optplug_entry_v1 failed: the licence has run out"),
    ("entry-fails-silently", .entry("out of memory"), "out of memory"),
    ("capability-mandatory", .unknownCapability(optimizer: "bad", bits: [57, 63]), "update the host"),
  ]

  @Test(arguments: byEntry)
  func refusedByWhatTheEntrySays(_ name: String, _ refusal: Refusal, remedy: String) throws {
    let file = try BadPlugins.file(name)
    let error = try BadPlugins.refusal(of: file)
    #expect(error == .plugin(file.path, refusal))
    #expect("\(error)".contains(remedy), "\(error)")
    #expect(CPlugin.events(of: file) == ["loaded", "entered"])
  }

  static let descriptions: [BadPlugin] = [
    BadPlugin("library-null", "it hands out no library"),
    BadPlugin("library-small", "its library is 16 bytes, at least 32 are needed"),
    BadPlugin("optimizers-none", "it announces 0 optimizers; 1 to 256 are allowed"),
    BadPlugin("optimizers-absurd", "it announces 4294967295 optimizers; 1 to 256 are allowed"),
    BadPlugin("optimizers-null", "it announces 1 optimizers and gives none"),
    BadPlugin("optimizer-null", "optimizer 1 is missing"),
    BadPlugin("optimizers-twice", "it holds two optimizers named 'bad'"),
  ]

  @Test(arguments: descriptions) func refusedLibrary(_ plugin: BadPlugin) throws {
    try plugin.expectWrongDescription()
  }

  /// A source that no test names would be a refusal that nothing checks.
  @Test func everyBadPluginIsTested() throws {
    let tables =
      Self.descriptions + OptimizerRefusalTests.cases + HyperparameterRefusalTests.cases
      + SlotRefusalTests.cases
    let named =
      Self.beforeLoading.map(\.0) + Self.byEntry.map(\.0) + tables.map(\.name) + CallFailureTests.plugins
    #expect(Set(named) == Set(try BadPlugins.all.get().keys))
    #expect(Set(named).count == named.count)
  }

  @Test func missingDependency() throws {
    let folder = try TemporaryFolder()
    let stub = try folder.write("stub.c", "int stub(void) { return 1; }\n".utf8)
    let library = folder.path("libstub.so")
    try Compiler.cc.run(["-shared", "-fPIC", "-o", library, stub])
    let source = folder.url.appendingPathComponent("needs-stub.c")
    try "extern int stub(void);\n#define STEP if (stub() == 0) return OPTPLUG_INTERNAL;\n#include \"bad.h\"\n"
      .write(to: source, atomically: true, encoding: .utf8)
    let plugin = try CPlugin.compile(
      source: source,
      flags: [
        "-I", Repository.file("Tests/BadPlugins").path, "-L", folder.url.path, "-Wl,--no-as-needed", "-lstub",
      ])
    try FileManager.default.removeItem(atPath: library)
    let error = try BadPlugins.refusal(of: plugin)
    #expect(error == .plugin(plugin.path, .missingDependency("libstub.so")))
    #expect("\(error)".contains("install it or add its folder to LD_LIBRARY_PATH"))
    #expect(CPlugin.events(of: plugin) == [])
  }

  @Test func missingSymbol() throws {
    let folder = try TemporaryFolder()
    let source = folder.url.appendingPathComponent("unresolved.c")
    try "extern int nowhere(void);\n#define STEP nowhere();\n#include \"bad.h\"\n"
      .write(to: source, atomically: true, encoding: .utf8)
    let plugin = try CPlugin.compile(source: source, flags: ["-I", Repository.file("Tests/BadPlugins").path])
    let error = try BadPlugins.refusal(of: plugin)
    guard case .plugin(plugin.path, .loader(let message)) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(message.contains("nowhere"))
    #expect("\(error)".contains("build it again on this machine"))
    #expect(CPlugin.events(of: plugin) == [])
  }
}

@Suite struct InstructionSetTests {
  private static let v2: Set<String> = ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]
  private static let v3 = v2.union(["abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"])
  private static let v4 = v3.union(["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"])

  @Test func baselineRunsEverywhere() throws { try InstructionSet.check(0, processor: []) }

  @Test func everyLevelRunsWhereItsFeaturesAre() throws {
    for (level, features) in [(2, Self.v2), (3, Self.v3), (4, Self.v4)] {
      try InstructionSet.check(UInt32(level), processor: features)
      for feature in features {
        #expect(throws: Refusal.self) {
          try InstructionSet.check(UInt32(level), processor: features.subtracting([feature]))
        }
      }
    }
  }

  @Test func missingFeaturesAreNamed() {
    #expect(throws: Refusal.instructionSet("x86-64-v3", missing: ["avx2", "fma"])) {
      try InstructionSet.check(3, processor: Self.v3.subtracting(["avx2", "fma"]))
    }
    #expect(throws: Refusal.instructionSet("x86-64-v4", missing: ["avx512f"])) {
      try InstructionSet.check(4, processor: Self.v4.subtracting(["avx512f"]))
    }
  }

  @Test func unknownLevelsAreRefusedOnEveryMachine() {
    for level: UInt32 in [1, 5, 99, .max] {
      #expect(throws: Refusal.self) { try InstructionSet.check(level, processor: Self.v4) }
    }
  }
}
