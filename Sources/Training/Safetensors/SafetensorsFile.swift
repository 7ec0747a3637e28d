// Reads and writes safetensors files: named tensors and a few words about them.

import OptimizerHost

/// The content of a safetensors file.
///
/// Format: <https://huggingface.co/docs/safetensors>: eight bytes with the header's length, little-endian;
/// the header, a JSON object that gives each tensor's type, shape and place; then the tensors' bytes without
/// gaps. What Python's `safetensors` refuses is refused here as well: gaps, overlaps, repeated names.
public struct SafetensorsFile: Equatable, Sendable {
  /// In the order of their bytes in the file.
  public var tensors: [NamedTensor]
  /// Free text by key; empty if the file has none.
  public var metadata: [String: String]

  public init(tensors: [NamedTensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The tensor of that name.
  public subscript(name name: String) -> NamedTensor? { tensors.first { $0.name == name } }

  /// Reads a whole file and checks all of it.
  /// - Throws: ``TrainingError``: not found, unreadable or malformed.
  public init(reading path: String) throws(TrainingError) {
    try self.init(bytes: try AtomicFile.read(path), path: path)
  }

  /// Reads a file's content; `path` is for messages.
  public init(bytes: [UInt8], path: String) throws(TrainingError) {
    let header: SafetensorsHeader
    let start: Int
    do throws(SafetensorsHeader.Malformed) {
      (header, start) = try SafetensorsHeader.read(from: bytes)
    } catch {
      throw .malformedWeights(path: path, reason: error.reason)
    }
    metadata = header.metadata
    tensors = header.entries.map { entry in
      NamedTensor(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        bytes: Array(bytes[start + entry.range.lowerBound..<start + entry.range.upperBound]))
    }
  }

  /// Writes the file whole or not at all; see ``AtomicFile``.
  /// - Precondition: names are unique and none is `__metadata__`; each tensor has as many bytes as its shape
  ///   and type need.
  public func write(to path: String) throws(TrainingError) {
    let header = SafetensorsHeader.encode(tensors: tensors, metadata: metadata)
    try AtomicFile.write([header] + tensors.map(\.bytes), to: path)
  }
}
