// Files that are no plugins, or no longer whole.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

/// A file that is refused, and what the refusal says.
private struct WrongFile: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let refusal: Refusal
  let remedy: String
  /// Makes the file and answers its path.
  let make: @Sendable (TemporaryFolder) throws -> String

  init(
    _ description: String, _ refusal: Refusal, _ remedy: String,
    make: @escaping @Sendable (TemporaryFolder) throws -> String
  ) {
    testDescription = description
    self.refusal = refusal
    self.remedy = remedy
    self.make = make
  }

  /// `libSGD.so` with other bytes at `offset`.
  static func patched(
    _ description: String, at offset: Int, _ bytes: [UInt8], _ refusal: Refusal, _ remedy: String
  ) -> WrongFile {
    WrongFile(description, refusal, remedy) { folder in
      var library = try Data(contentsOf: BuildProducts.plugin("SGD"))
      library.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
      return try folder.write("patched.so", library)
    }
  }
}

#if arch(arm64)
  private let (host, other) = ("arm64", (number: UInt8(62), name: "x86-64"))
#else
  private let (host, other) = ("x86-64", (number: UInt8(183), name: "arm64"))
#endif

private func otherMachine(_ found: String) -> Refusal { .otherMachine(found: found, host: host) }

private let wrongFiles: [WrongFile] = [
  WrongFile("missing", .notFound, "check the path") { $0.path("missing.so") },
  WrongFile("below a file", .notFound, "check the path") { try $0.write("file", [1]) + "/x.so" },
  WrongFile("link to nowhere", .notFound, "check the path") {
    try FileManager.default.createSymbolicLink(atPath: $0.path("link.so"), withDestinationPath: "nowhere.so")
    return $0.path("link.so")
  },
  WrongFile("directory", .directory, "name the .so file inside it") { $0.url.path },
  WrongFile("pipe", .notRegularFile, "name a .so file") {
    #expect(mkfifo($0.path("pipe.so"), 0o600) == 0)
    return $0.path("pipe.so")
  },
  WrongFile("device", .notRegularFile, "name a .so file") { _ in "/dev/zero" },
  WrongFile("empty", .empty, "build the plugin again") { try $0.write("empty.so", []) },
  WrongFile("text", .notSharedObject, "build it with cc -shared -fPIC") {
    try $0.write("text.so", String(repeating: "not a library\n", count: 10).utf8)
  },
  WrongFile("four bytes", .truncated, "copy or build it again") {
    try $0.write("magic.so", [0x7F, 0x45, 0x4C, 0x46])
  },
  WrongFile("program", .noEntrySymbol, "name a plugin") { _ in "/bin/true" },
  WrongFile("object file", .notLibrary, "build it with cc -shared -fPIC") {
    let source = try $0.write("object.c", "int x;\n".utf8)
    try Compiler.cc.run(["-c", "-o", $0.path("object.o"), source])
    return $0.path("object.o")
  },
  .patched("program at a fixed address", at: 16, [2], .notLibrary, "build it with cc -shared -fPIC"),
  .patched("other processor", at: 18, [other.number], otherMachine(other.name), "build it for this machine"),
  .patched("unknown processor", at: 18, [0x34, 0x12], otherMachine("machine number 4660"), "build it for"),
  .patched("32-bit", at: 4, [1], otherMachine("a 32-bit machine"), "build it for this machine"),
  .patched("big-endian", at: 5, [2], otherMachine("a big-endian machine"), "build it for this machine"),
  .patched("no such width", at: 4, [9], .truncated, "copy or build it again"),
  .patched("no segments", at: 56, [0, 0], .notLibrary, "build it with cc -shared -fPIC"),
]

@Suite(.enabled(if: Platform.usesELF)) struct FileRefusalTests {
  @Test(.timeLimit(.minutes(60)), arguments: wrongFiles)
  fileprivate func refused(_ file: WrongFile) throws {
    let folder = try TemporaryFolder()
    let path = try file.make(folder)
    let error = try #require(throws: OptimizerError.plugin(path, file.refusal)) {
      _ = try Training("\"\(path)\"", start: Float(1))
    }
    let text = "\(error)"
    #expect(text.hasPrefix("plugin \(path): "))
    #expect(text.contains(file.remedy), "\(text)")
  }

  @Test(.enabled(if: getuid() != 0, "root may read every file"))
  func unreadable() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(BuildProducts.plugin("SGD"), as: "secret.so")
    #expect(chmod(path, 0) == 0)
    let error = try #require(throws: OptimizerError.self) { _ = try PluginFile(path) }
    #expect("\(error)".contains("check the path and its permissions"))
  }

  @Test func nameTooLong() throws {
    let path = "/" + String(repeating: "x", count: 300) + ".so"
    let error = try #require(throws: OptimizerError.self) { _ = try PluginFile(path) }
    #expect("\(error)".contains("cannot be read: File name too long; check the path"))
  }

  /// A loader that maps such a file dies of a bus error, so every one has to be refused before.
  @Test func truncatedAnywhere() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(BuildProducts.plugin("SGD"), as: "cut.so")
    let size = try Data(contentsOf: BuildProducts.plugin("SGD")).count
    var slowest = Duration.zero
    for length in stride(from: (size - 1) / 512 * 512, through: 0, by: -512) {
      try #require(truncate(path, length) == 0)
      slowest = max(
        slowest,
        shortestTime {
          #expect(throws: OptimizerError.plugin(path, length == 0 ? .empty : .truncated)) {
            _ = try PluginFile(path)
          }
        })
    }
    #expect(slowest < .milliseconds(200))
  }

  /// Whatever one damaged byte of the headers or the loader's tables says, the check itself must not crash.
  @Test func damagedAnywhere() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(BuildProducts.plugin("SGD"), as: "damaged.so")
    let whole = [UInt8](try Data(contentsOf: BuildProducts.plugin("SGD")))
    let sections = (40..<48).reversed().reduce(0) { $0 << 8 | Int(whole[$1]) }
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    var refused = 0
    for place in Array(0..<2048) + Array(sections..<whole.count) {
      for damage: UInt8 in [0x01, 0x80, 0xFF] {
        try file.seek(toOffset: UInt64(place))
        try file.write(contentsOf: [whole[place] ^ damage])
        do { _ = try PluginFile(path) } catch { refused += 1 }
      }
      try file.seek(toOffset: UInt64(place))
      try file.write(contentsOf: [whole[place]])
    }
    _ = try PluginFile(path)
    #expect(refused > 1000)
  }
}
