// The headers under every language standard and compiler that plugin authors use.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

private let fixture = Repository.file("Tests/HeaderTests/Fixtures/everything.c")
private let hostFixture = Repository.file("Tests/HeaderTests/Fixtures/everything_host.c")

/// A compiler and a language standard.
private struct Dialect: CustomTestStringConvertible {
  let compiler: Compiler
  let standard: String

  var testDescription: String { "\(compiler) -std=\(standard)" }
  var language: String { standard.hasPrefix("c++") ? "c++" : "c" }

  static let installed =
    (["gcc", "clang"].flatMap { compiler in
      ["c99", "c11", "c17"].map { Dialect(compiler: Compiler(compiler), standard: $0) }
    }
    + ["g++", "clang++"].flatMap { compiler in
      ["c++11", "c++17", "c++20"].map { Dialect(compiler: Compiler(compiler), standard: $0) }
    }).filter(\.compiler.isInstalled)
}

@Suite struct CompilationTests {
  @Test func someCompilerOfEachLanguageIsHere() {
    #expect(Set(Dialect.installed.map(\.standard)).count == 6)
  }

  /// Its own assertions hold too: they are part of compiling it.
  @Test(arguments: Dialect.installed, [fixture, hostFixture])
  fileprivate func compilesWithoutAWarning(_ dialect: Dialect, _ fixture: URL) throws {
    try dialect.compiler.run([
      "-x", dialect.language, "-std=\(dialect.standard)", "-Wall", "-Wextra", "-pedantic", "-Wpadded",
      "-Werror",
      "-ffreestanding", "-fsyntax-only", "-I", Repository.file("include").path, fixture.path,
    ])
  }

  @Test func needsOnlyTheFreestandingHeaders() throws {
    func includes(_ header: String) throws -> [Substring] {
      try String(contentsOf: Repository.file("include/\(header)"), encoding: .utf8).split(separator: "\n")
        .filter { $0.contains("#include") }
    }
    #expect(try includes("optplug.h") == ["#include <stddef.h>", "#include <stdint.h>"])
    #expect(try includes("optplug_host.h") == ["#include \"optplug.h\""])
  }

  @Test func brokenSourcesAreReported() throws {
    let folder = try TemporaryFolder()
    let source = try folder.write("broken.c", "int x = ;\n".utf8)
    let error = try #require(throws: CPlugin.Failure.self) {
      _ = try CPlugin.compile(source: URL(fileURLWithPath: source))
    }
    let text = "\(error)"
    #expect(text.hasPrefix("\(source) does not compile:") && text.contains("error:"))
    #expect(throws: CPlugin.Failure.self) { try Compiler("no-such-compiler").run([]) }
  }
}

@Suite(.enabled(if: Platform.usesELF)) struct NoteTests {
  /// The contents of the note of the fixture as this compiler makes it.
  private func note(_ compiler: Compiler, _ flags: [String]) throws -> [UInt8]? {
    let folder = try TemporaryFolder()
    let library = folder.path("note.so")
    try compiler.run(
      ["-shared", "-fPIC", "-I", Repository.file("include").path] + flags + ["-o", library, fixture.path])
    return try ELFFile(path: library).note
  }

  private func expected(_ instructions: UInt8) -> [UInt8] {
    Array("OPTPLUG\0".utf8) + [1, 0, 0, 0] + [0, 0, 0, 0] + [0, 0, 0, 0] + [instructions, 0, 0, 0]
  }

  @Test(arguments: ["gcc", "clang"].map { Compiler($0) }.filter(\.isInstalled))
  func liesInItsSection(_ compiler: Compiler) throws {
    #expect(try note(compiler, ["-O0"]) == expected(0))
    // What nobody refers to is what optimisers and linkers remove first.
    let shrinking = ["-O2", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", "-s"]
    #expect(try note(compiler, shrinking) == expected(0))
  }

  @Test(.enabled(if: Platform.isX86), arguments: ["gcc", "clang"].map { Compiler($0) }.filter(\.isInstalled))
  func namesTheInstructionSet(_ compiler: Compiler) throws {
    for level: UInt8 in [2, 3, 4] {
      #expect(try note(compiler, ["-march=x86-64-v\(level)"]) == expected(level))
    }
    #expect(try note(compiler, ["-mavx"]) == expected(3))
  }
}
