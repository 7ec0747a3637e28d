// A file that is being written.

import Foundation

final class OutputFile {
  let path: String
  private let descriptor: Int32

  /// Creates the file, or empties it; or goes on at its end.
  init(path: String, appends: Bool) throws(DatasetError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (appends ? O_APPEND : O_TRUNC), 0o644)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
  }

  deinit {
    close(descriptor)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(DatasetError) {
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let count = Foundation.write(descriptor, start + done, bytes.count - done)
      if count < 0 {
        if errno == EINTR { continue }
        throw .unwritable(path: path, reason: String(cString: strerror(errno)))
      }
      done += count
    }
  }

  func synchronize() throws(DatasetError) {
    guard fsync(descriptor) == 0 else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }
}
