// Files are made once for a key, whatever happens to the folder in between.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct ProgramCacheTests {
  private let folder: TemporaryFolder
  private let cache: ProgramCache

  init() throws {
    folder = try TemporaryFolder()
    cache = ProgramCache(folder: folder.path("cache/programs"))
  }

  private struct Failure: Error {}

  /// The file for a key, and whether it had to be made, from `content`.
  private func file(_ key: String, _ content: String = "content", in cache: ProgramCache? = nil) throws -> (
    path: String, wasMade: Bool
  ) {
    var wasMade = false
    let path = try (cache ?? self.cache).file(key, suffix: ".so") {
      wasMade = true
      #expect($0.hasSuffix(".so"))
      try Data(content.utf8).write(to: URL(fileURLWithPath: $0))
    }
    return (path, wasMade)
  }

  private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path("cache/programs"))
  }

  private func mode(_ path: String) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test func aFileIsMadeOnceForItsKey() throws {
    let first = try file("one")
    #expect(first.wasMade)
    #expect(try text(first.path) == "content")
    #expect(try mode(folder.path("cache/programs")) == 0o700)
    // Another process finds it by what it was made from.
    let again = try file("one", "other content", in: ProgramCache(folder: folder.path("cache/programs")))
    #expect(again.path == first.path && !again.wasMade)
    let other = try file("two")
    #expect(other.wasMade && other.path != first.path)
    #expect(try names().count == 2)
  }

  @Test func whatIsMadeInVainLeavesNothing() throws {
    #expect(throws: Failure.self) { try cache.file("one", suffix: ".so") { _ in throw Failure() } }
    #expect(throws: Failure.self) {
      try cache.file("one", suffix: ".so") {
        try Data([1]).write(to: URL(fileURLWithPath: $0))
        throw Failure()
      }
    }
    #expect(throws: OptimizerError.self) { try cache.file("one", suffix: ".so") { _ in } }
    #expect(try names().isEmpty)
    #expect(try file("one").wasMade)
  }

  @Test(arguments: ["", "conten", "contenT", "content and more"]) func aDamagedFileIsMadeAnew(
    _ damage: String
  ) throws {
    let first = try file("one").path
    try Data(damage.utf8).write(to: URL(fileURLWithPath: first))
    let again = try file("one")
    #expect(again.wasMade && again.path == first)
    #expect(try text(again.path) == "content")
    #expect(try names().count == 1)
  }

  /// Both are at it at the same time, and make different files: each gets a whole one.
  @Test func twoAtOnce() throws {
    let paths = Locked<[String]>([])
    let barrier = DispatchGroup()
    for _ in 0..<2 { barrier.enter() }
    let (folder, done) = (self.folder.path("cache/programs"), DispatchGroup())
    for worker in 0..<2 {
      DispatchQueue.global().async(group: done) {
        let path = try? ProgramCache(folder: folder).file("one", suffix: ".so") {
          barrier.leave()
          barrier.wait()
          try Data("content \(worker)".utf8).write(to: URL(fileURLWithPath: $0))
        }
        paths.withLock { $0.append(path ?? "none") }
      }
    }
    done.wait()
    let made = paths.withLock { $0 }
    #expect(try Set(made.map(text)) == ["content 0", "content 1"])
    #expect(try Set(made) == Set(names().map { "\(folder)/\($0)" }))
    let later = try file("one")
    #expect(!later.wasMade && made.contains(later.path))
  }

  /// Nobody else may choose the code; a folder of one's own takes the other's place, as long as the cache.
  @Test(arguments: [0o777, 0o770]) func aFolderThatOthersMayWrite(_ mode: Int) throws {
    let usual = try file("one").path
    #expect(chmod(folder.path("cache/programs"), mode_t(mode)) == 0)
    var other: ProgramCache? = ProgramCache(folder: folder.path("cache/programs"))
    let first = try file("one", in: other)
    #expect(first.wasMade && first.path != usual)
    #expect(try !file("one", in: other).wasMade)
    #expect(try self.mode(URL(fileURLWithPath: first.path).deletingLastPathComponent().path) == 0o700)
    #expect(FileManager.default.fileExists(atPath: first.path))
    other = nil
    #expect(!FileManager.default.fileExists(atPath: first.path))
    #expect(try text(usual) == "content")
  }

  @Test func aFolderBelowOneThatOthersMayWrite() throws {
    _ = try file("one")
    #expect(chmod(folder.path("cache"), 0o777) == 0)
    #expect(try file("one").wasMade)
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give folders away")) func aFolderOfAnother() throws {
    _ = try file("one")
    #expect(chown(folder.path("cache/programs"), 12345, 0) == 0)
    #expect(try file("one").wasMade)
  }

  @Test(arguments: ["file/programs", ""]) func aFolderThatCannotBeMade(_ name: String) throws {
    _ = try folder.write("file", [])
    let cache = ProgramCache(folder: name.isEmpty ? nil : folder.path(name))
    #expect(try file("one", in: cache).wasMade)
    #expect(try !file("one", in: cache).wasMade)
  }

  /// What is known can be used where nothing can be written.
  @Test(.enabled(if: geteuid() != 0, "root may write everywhere")) func aFolderThatIsForReadingOnly() throws {
    let known = try file("one")
    #expect(chmod(folder.path("cache/programs"), 0o500) == 0)
    defer { chmod(folder.path("cache/programs"), 0o700) }
    let again = try file("one")
    #expect(!again.wasMade && again.path == known.path)
    #expect(try file("two").wasMade)
    #expect(try names().count == 1)
  }

  @Test func theFolderIsBesideWhatIsKnownOfPlugins() {
    #expect(
      ProgramCache.standard(environment: ["XDG_CACHE_HOME": "/c", "HOME": "/h"]).folder
        == "/c/optplug/programs")
    #expect(
      ProgramCache.standard(environment: ["XDG_CACHE_HOME": "c", "HOME": "/h"]).folder
        == "/h/.cache/optplug/programs")
    #expect(ProgramCache.standard(environment: [:]).folder == nil)
  }
}
