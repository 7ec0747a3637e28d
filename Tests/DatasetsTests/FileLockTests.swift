// The lock between processes: held by one, gone with it, and not in the file.

import FileLocking
import Foundation
import Testing

@Suite struct FileLockTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID())")

  private func path() throws -> String {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder.path + "/lock"
  }

  private func failure(_ path: String) -> FileLock.Failure? {
    do throws(FileLock.Failure) {
      _ = try FileLock(path)
      return nil
    } catch {
      return error
    }
  }

  @Test func oneHoldsIt() throws {
    let path = try path()
    defer { try? FileManager.default.removeItem(at: folder) }
    do {
      let lock = try FileLock(path)
      guard case .held(let owner) = failure(path) else { return #expect(Bool(false), "not held") }
      #expect(owner.hasPrefix("process \(getpid()) on "))
      withExtendedLifetime(lock) {}
    }
    // The file stays, and what is in it: neither holds anything.
    #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("process \(getpid()) on "))
    #expect(failure(path) == nil)
    try "a text that is longer than what a process says of itself, ".write(
      toFile: path, atomically: true, encoding: .utf8)
    withExtendedLifetime(try FileLock(path)) {}
    #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("process \(getpid()) on "))
    #expect(try !String(contentsOfFile: path, encoding: .utf8).contains("text"))
  }

  /// It ends with its process, also with one that is killed.
  @Test func aDeadProcessHoldsNothing() throws {
    let path = try path()
    defer { try? FileManager.default.removeItem(at: folder) }
    let holder = Process()
    holder.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    holder.arguments = ["flock", "-F", path, "sleep", "60"]
    try holder.run()
    let end = Date() + 30
    while failure(path) == nil, holder.isRunning, Date() < end { usleep(10_000) }
    // Without flock(1) there is nobody who could hold it.
    guard holder.isRunning else { return }
    #expect(failure(path) != nil)
    kill(holder.processIdentifier, SIGKILL)
    while failure(path) != nil, Date() < end { usleep(10_000) }
    #expect(failure(path) == nil)
  }

  @Test func whoeverComesAfterARemovalHasAFileOfItsOwn() throws {
    let path = try path()
    defer { try? FileManager.default.removeItem(at: folder) }
    let first = try FileLock(path)
    first.removeFile()
    #expect(!FileManager.default.fileExists(atPath: path))
    let second = try FileLock(path)
    #expect(failure(path) != nil)
    withExtendedLifetime((first, second)) {}
  }

  @Test func anImpossiblePlaceIsNamed() throws {
    let path = try path()
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(failure(path + "/below/it") == .unwritable(reason: "No such file or directory"))
    #expect(failure(folder.path) == .unwritable(reason: "Is a directory"))
  }
}
