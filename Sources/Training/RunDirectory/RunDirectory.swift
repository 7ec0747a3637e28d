// The folder of a run: made once, never overwritten, and written to by one process at a time.

import FileLocking
import Foundation

/// A run's folder, locked as long as this value lives.
public final class RunDirectory {
  public let path: String
  private let lock: FileLock

  /// Makes a folder for a new run.
  /// - Parameter path: must not exist, or be empty.
  /// - Throws: ``TrainingError``.
  public init(creating path: String) throws(TrainingError) {
    // A process that ended before it had written settings left no run, and its folder may become one.
    let remains: Set<String> = ["lock", "checkpoints", "environment.json", "metrics.jsonl", "metrics.csv"]
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    guard names.allSatisfy({ remains.contains($0) || $0.hasSuffix(".part") }) else {
      throw .runExists(
        path: path,
        problem: Self.holdsRun(path)
          ? "holds a run already; go on with it by --resume, or name another folder"
          : "is not empty; name another folder for the run")
    }
    try Self.makeFolder(path, for: path)
    self.path = path
    lock = try Self.lock(path)
    // Another process may have had it in between.
    guard !Self.holdsRun(path) else {
      throw .runExists(path: path, problem: "holds a run already; name another folder")
    }
    try prepareFolders()
  }

  /// Makes `parent/name`, or the first of `parent/name-2`, `parent/name-3` … that is not there yet.
  public convenience init(creatingIn parent: String, name: String) throws(TrainingError) {
    try Self.makeFolder(parent, for: parent)
    for number in 1... {
      let path = "\(parent)/\(name)" + (number == 1 ? "" : "-\(number)")
      // Of two processes that try, one makes it.
      if mkdir(path, 0o777) == 0 {
        try self.init(creating: path)
        return
      }
      guard errno == EEXIST else { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
    }
    preconditionFailure("there is always a next number")
  }

  /// Opens the folder of a run that has begun.
  public init(opening path: String) throws(TrainingError) {
    var info = stat()
    guard stat(path, &info) == 0 else { throw .notFound(path: path) }
    guard Self.holdsRun(path) else {
      throw .runDirectory(path: path, problem: Self.noRun)
    }
    self.path = path
    lock = try Self.lock(path)
    try prepareFolders()
  }

  public static func configuration(in path: String) -> String { "\(path)/config.json" }
  public static func environment(in path: String) -> String { "\(path)/environment.json" }
  public static func checkpoints(in path: String) -> String { "\(path)/checkpoints" }

  /// Writes one of its files whole or not at all.
  public func write(_ text: String, to path: String) throws(TrainingError) {
    try AtomicFile.write([Array(text.utf8)], to: path)
  }

  /// Of a folder that is none.
  public static let noRun =
    "is no run directory: it holds no config.json; name a run's folder, such as one in runs/, or one of its checkpoints"

  /// Makes a folder and those above it.
  private static func makeFolder(_ path: String, for run: String) throws(TrainingError) {
    if mkdir(path, 0o777) == 0 { return }
    var code = errno
    let parent = NSString(string: path).deletingLastPathComponent
    if code == ENOENT, !parent.isEmpty, parent != path {
      try makeFolder(parent, for: run)
      if mkdir(path, 0o777) == 0 { return }
      code = errno
    }
    var isFolder: ObjCBool = false
    if code == EEXIST,
      FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    {
      return
    }
    throw .unwritable(path: run, reason: "the folder cannot be made: \(String(cString: strerror(code)))")
  }

  private static func holdsRun(_ path: String) -> Bool { access(configuration(in: path), F_OK) == 0 }

  /// Makes the folder of checkpoints, and removes what an earlier process left half written. Needs the lock.
  private func prepareFolders() throws(TrainingError) {
    let checkpoints = Self.checkpoints(in: path)
    guard mkdir(checkpoints, 0o777) == 0 || errno == EEXIST else {
      throw .unwritable(path: checkpoints, reason: String(cString: strerror(errno)))
    }
    AtomicFile.removeLeftovers(in: path)
    AtomicFile.removeLeftovers(in: checkpoints)
  }

  private static func lock(_ directory: String) throws(TrainingError) -> FileLock {
    let path = "\(directory)/lock"
    do throws(FileLock.Failure) {
      return try FileLock(path)
    } catch {
      switch error {
      case .held(let owner): throw .locked(path: directory, owner: owner)
      case .unwritable(let reason): throw .unwritable(path: path, reason: reason)
      }
    }
  }
}
