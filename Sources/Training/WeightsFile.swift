// Reads and writes safetensors files.

import Safetensors

extension SafetensorsFile {
  /// Reads a whole file and checks all of it.
  /// - Throws: ``TrainingError``: not found, unreadable or malformed.
  public init(reading path: String) throws(TrainingError) {
    try self.init(bytes: try AtomicFile.read(path), path: path)
  }

  /// Reads a file's content; `path` is for messages.
  public init(bytes: [UInt8], path: String) throws(TrainingError) {
    do throws(Malformed) {
      try self.init(bytes: bytes)
    } catch {
      throw .malformedWeights(path: path, reason: error.reason)
    }
  }

  /// Writes the file whole or not at all; see ``AtomicFile``.
  /// - Precondition: that of `header`.
  public func write(to path: String) throws(TrainingError) {
    try AtomicFile.write([header] + tensors.map(\.bytes), to: path)
  }
}
