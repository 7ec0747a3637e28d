// Writes a file whole or not at all, and reads one without hanging.

import Foundation

/// Files as they must be for weights and traces: complete on disk, or as they were before.
public enum AtomicFile {
  /// Throws unless a file could be written at `path` now: the folder exists and takes a new file, and what
  /// is at `path`, if anything, is a regular file. Leaves nothing behind.
  public static func requireWritable(_ path: String) throws(TrainingError) {
    let (descriptor, temporary) = try createTemporary(beside: try target(path), for: path)
    close(descriptor)
    unlink(temporary)
  }

  /// Writes `parts` one after another: a new file in the same folder, to disk, then renamed over `path`,
  /// then the folder to disk. On failure the new file is removed, and what was at `path` stays. When it
  /// returns, the file outlasts the end of the process and of the machine.
  public static func write(_ parts: some Sequence<[UInt8]>, to path: String) throws(TrainingError) {
    let target = try target(path)
    let (descriptor, temporary) = try createTemporary(beside: target, for: path)
    do throws(TrainingError) {
      do throws(TrainingError) {
        for part in parts { try write(part, to: descriptor, path: path) }
        guard fsync(descriptor) == 0 else { throw systemError(path) }
      } catch {
        close(descriptor)
        throw error
      }
      guard close(descriptor) == 0 else { throw systemError(path) }
      guard rename(temporary, target) == 0 else { throw systemError(path) }
    } catch {
      unlink(temporary)
      throw error
    }
    try syncFolder(of: target, for: path)
  }

  /// All bytes of a regular file.
  public static func read(_ path: String) throws(TrainingError) -> [UInt8] {
    // A pipe would block an ordinary `open`; regular files ignore the flag.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      throw code == ENOENT || code == ENOTDIR
        ? .notFound(path: path) : .unreadable(path: path, reason: String(cString: strerror(code)))
    }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "not a regular file")
    }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(info.st_size)) { buffer, filled in
      while filled < buffer.count, let start = buffer.baseAddress {
        let count = Foundation.read(descriptor, start + filled, buffer.count - filled)
        if count == 0 { break }
        if count < 0 {
          if errno == EINTR { continue }
          failure = errno
          break
        }
        filled += count
      }
    }
    guard failure == 0 else { throw .unreadable(path: path, reason: String(cString: strerror(failure))) }
    return bytes
  }

  /// Where the file really goes: the end of a symbolic link, so that renaming replaces the file and not the
  /// link. A folder, pipe or device is refused: renaming over `/dev/null` would do lasting harm.
  private static func target(_ path: String) throws(TrainingError) -> String {
    var info = stat()
    guard stat(path, &info) == 0 else {
      guard !path.isEmpty, !path.hasSuffix("/") else {
        throw .unwritable(path: path, reason: "it names a folder, not a file")
      }
      guard lstat(path, &info) != 0 else { throw .unwritable(path: path, reason: "it is a link to nothing") }
      return path
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw .unwritable(path: path, reason: "it is there and not a regular file")
    }
    guard let resolved = realpath(path, nil) else { throw systemError(path) }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func createTemporary(
    beside target: String, for path: String
  ) throws(TrainingError) -> (descriptor: Int32, path: String) {
    let url = URL(fileURLWithPath: target)
    let name = ".\(url.lastPathComponent.prefix(100)).\(UUID().uuidString.prefix(8)).part"
    let temporary = url.deletingLastPathComponent().path + "/" + name
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      if errno == ENOENT {
        throw .unwritable(path: path, reason: "its folder does not exist; create it first")
      }
      throw systemError(path)
    }
    // A file that is replaced keeps its permissions.
    var info = stat()
    if stat(target, &info) == 0 { fchmod(descriptor, info.st_mode & 0o7777) }
    return (descriptor, temporary)
  }

  /// Removes what processes left half written that ended while they wrote to files of a folder. Only for a folder
  /// that nobody writes to.
  static func removeLeftovers(in folder: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix(".") && name.hasSuffix(".part") { unlink("\(folder)/\(name)") }
  }

  /// Writes all bytes at the end of what was written to `descriptor`; `path` is for messages.
  static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(TrainingError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { Foundation.write(descriptor, $0 + done, buffer.count - done) } ?? 0
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw systemError(path)
      }
      // A disk that takes nothing and gives no reason would keep this loop here for ever.
      guard count > 0 else { throw .unwritable(path: path, reason: "the system took no more bytes") }
      done += count
    }
  }

  /// Makes the new name last through a power cut. Some file systems have no such thing (EINVAL), and a folder may be
  /// closed to readers; the file is whole either way. A disk that fails or is full is another matter.
  private static func syncFolder(of target: String, for path: String) throws(TrainingError) {
    let folder = URL(fileURLWithPath: target).deletingLastPathComponent().path
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard fsync(descriptor) != 0, [EIO, ENOSPC, EDQUOT].contains(errno) else { return }
    throw systemError(path)
  }

  private static func systemError(_ path: String) -> TrainingError {
    .unwritable(path: path, reason: String(cString: strerror(errno)))
  }
}
