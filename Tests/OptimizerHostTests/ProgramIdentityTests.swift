// What a compiled program is kept by.

import Foundation
import Testing

@testable import OptimizerHost

@Suite struct ProgramIdentityTests {
  #if os(Linux)
    /// A folder of programs may be shared by machines whose processors differ.
    @Test func theProcessorCounts() throws {
      let text = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
      let features = try #require(
        text.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") })
      #expect(try ProgramCompiler().identity.contains(features))
    }
  #endif

  /// A folder of programs does not grow for ever.
  @Test func theOldestGo() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("optplug-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let place = CacheFolder(path: folder.path, limit: 4)
    place.make()
    for i in 0..<6 {
      let file = folder.appendingPathComponent("\(i)")
      try Data().write(to: file)
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: Double(1000 + i))], ofItemAtPath: file.path)
    }
    place.prune()
    #expect(place.names.sorted() == ["3", "4", "5"])
  }

  /// What is no folder is none of the user's folders.
  @Test func aFileIsNoFolder() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("optplug-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data().write(to: file)
    #expect(!CacheFolder(path: file.path, limit: 4).isMine)
    let made = try ProgramCache(folder: file.path).file("key", suffix: ".x") {
      try Data([1]).write(to: URL(fileURLWithPath: $0))
    }
    #expect(!made.hasPrefix(file.path))
  }
}
