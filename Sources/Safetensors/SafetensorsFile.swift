// Named tensors and a few words about them, as bytes of the safetensors format.

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

  /// What is wrong with a file.
  public struct Malformed: Error {
    public let reason: String
  }

  /// Reads a file's content and checks all of it.
  public init(bytes: [UInt8]) throws(Malformed) {
    let (header, start) = try SafetensorsHeader.read(from: bytes)
    metadata = header.metadata
    tensors = header.entries.map { entry in
      NamedTensor(
        name: entry.name, dtype: entry.dtype, shape: entry.shape,
        bytes: Array(bytes[start + entry.range.lowerBound..<start + entry.range.upperBound]))
    }
  }

  /// What stands before the bytes of the tensors in a file.
  /// - Precondition: names are unique and none is `__metadata__`; each tensor has as many bytes as its shape
  ///   and type need.
  public var header: [UInt8] { SafetensorsHeader.encode(tensors: tensors, metadata: metadata) }
}
