// The plugins that ship, as files: small, without a runtime, exporting one symbol.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite(.enabled(if: Platform.usesELF)) struct PluginBinaryTests {
  /// The folders of Plugins/, so that a new one cannot be forgotten.
  private static let plugins: [String] = {
    let folders = try? FileManager.default.contentsOfDirectory(atPath: Repository.file("Plugins").path)
    return (folders ?? []).filter { !$0.contains(".") }.sorted()
  }()

  private static let limit = 100_000

  @Test func allAreBuilt() {
    #expect(
      Set(Self.plugins).isSuperset(of: [
        "Adafactor", "Adagrad", "Adam", "Adam8bit", "EMA", "LAMB", "LARS", "Lion", "Lookahead", "Muon",
        "NAdam",
        "RAdam", "RMSprop", "SGD",
      ]))
    for plugin in Self.plugins {
      #expect(FileManager.default.fileExists(atPath: BuildProducts.plugin(plugin).path), "\(plugin)")
    }
  }

  @Test(arguments: plugins) func isSmall(_ plugin: String) throws {
    let url = BuildProducts.plugin(plugin)
    let file = try ELFFile(path: url.path)
    #expect((1000..<Self.limit).contains(file.mappedSize))
    #if !DEBUG
      // A debug build's file holds the debugger's data as well, which is not loaded.
      #expect(try Data(contentsOf: url).count < Self.limit)
    #endif
  }

  @Test(arguments: plugins) func needsNoRuntime(_ plugin: String) throws {
    let needed = try ELFFile(path: BuildProducts.plugin(plugin).path).needed
    let allowed: Set<String> = ["libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"]
    #expect(needed.contains("libc.so.6"))
    #expect(Set(needed).isSubset(of: allowed), "\(needed)")
  }

  @Test(arguments: plugins) func exportsOneSymbol(_ plugin: String) throws {
    #expect(try ELFFile(path: BuildProducts.plugin(plugin).path).exports == ["optplug_entry_v1"])
  }

  @Test(arguments: plugins) func carriesANote(_ plugin: String) throws {
    let note = try #require(try ELFFile(path: BuildProducts.plugin(plugin).path).note)
    #expect(note.count == 24)
    #expect(note.prefix(8) == Array("OPTPLUG\0".utf8)[...])
    #expect(note[8..<20].elementsEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    #expect(note[20] <= 4)
  }

  /// The control: this reader sees what other libraries need and export.
  @Test func theReaderSeesOtherLibraries() throws {
    let folder = try TemporaryFolder()
    let source = try folder.write(
      "two.c", "#include <math.h>\ndouble first(double x) { return cbrt(x); }\nint second;\n".utf8)
    let library = folder.path("two.so")
    try Compiler.cc.run(["-shared", "-fPIC", "-o", library, source, "-Wl,--no-as-needed", "-lm"])
    let file = try ELFFile(path: library)
    #expect(file.exports.isSuperset(of: ["first", "second"]))
    #expect(Set(file.needed) == ["libm.so.6", "libc.so.6"])
    #expect(file.note == nil)
  }
}
