// Opens a file for reading without ever hanging, and knows its length before a byte is read.

import Foundation

/// A regular file, open for reading.
struct ByteFile: ~Copyable {
  let path: String
  /// Length in bytes.
  let length: Int
  private let descriptor: Int32

  /// Opens `path`. A pipe without a writer would block `open` for ever, hence `O_NONBLOCK` (regular files
  /// ignore it) and the look at the kind of file before anything is read.
  init(path: String) throws(DatasetError) {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.systemError(path) }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else {
      let error = Self.systemError(path)
      close(descriptor)
      throw error
    }
    guard info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .wrongKind(path: path, found: Self.kind(info.st_mode), needed: "a file")
    }
    self.path = path
    self.length = Int(info.st_size)
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// Reads from the current place until `buffer` is full or the file ends.
  /// - Returns: the number of bytes read.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    var filled = 0
    while filled < buffer.count, let start = buffer.baseAddress {
      let count = Foundation.read(descriptor, start + filled, buffer.count - filled)
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.systemError(path)
      }
      filled += count
    }
    return filled
  }

  /// Throws unless `path` is a folder.
  static func requireDirectory(_ path: String) throws(DatasetError) {
    var info = stat()
    guard stat(path, &info) == 0 else { throw systemError(path) }
    guard info.st_mode & S_IFMT == S_IFDIR else {
      throw .wrongKind(path: path, found: kind(info.st_mode), needed: "a folder")
    }
  }

  private static func systemError(_ path: String) -> DatasetError {
    let code = errno
    if code == ENOENT || code == ENOTDIR { return .notFound(path: path) }
    return .unreadable(path: path, reason: String(cString: strerror(code)))
  }

  private static func kind(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFREG: "a file"
    case S_IFDIR: "a folder"
    case S_IFIFO: "a named pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }
}
