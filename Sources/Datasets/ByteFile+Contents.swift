// Whole files in memory, and what a folder holds.

import Foundation

extension ByteFile {
  /// All bytes of a regular file.
  static func contents(_ path: String) throws(DatasetError) -> [UInt8] {
    let file = try ByteFile(path: path)
    // `Array(unsafeUninitializedCapacity:)` rethrows untyped errors, so the result is carried across.
    var outcome: Result<Int, DatasetError> = .success(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: file.length) { buffer, initialized in
      do throws(DatasetError) {
        initialized = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        outcome = .failure(error)
      }
    }
    _ = try outcome.get()
    return bytes
  }

  /// Names in a folder, sorted, without hidden ones.
  static func names(in directory: String) throws(DatasetError) -> [String] {
    try requireDirectory(directory)
    do {
      return try FileManager.default.contentsOfDirectory(atPath: directory).filter { !$0.hasPrefix(".") }
        .sorted()
    } catch {
      throw .unreadable(path: directory, reason: "its entries cannot be listed")
    }
  }

  static func isDirectory(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }
}
