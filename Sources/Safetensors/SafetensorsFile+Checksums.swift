// Files that know their own content: a checksum for each tensor and one for all that the header says.

import OptimizerHost

/// The checksums lie in the metadata, so that other programs read the file as any other and, if they hand the metadata
/// on, write it back whole:
/// - `crc32`: of each tensor's bytes, eight hexadecimal digits each, in the order of the tensors' names.
/// - `header_crc32`: of the types, shapes and names of all tensors and of all other metadata, whatever their order.
///
/// Together with the format's own rules (no gaps, no text but JSON) no byte of a file can change unseen.
extension SafetensorsFile {
  private static let tensorsKey = "crc32"
  private static let headerKey = "header_crc32"

  /// The same file with its checksums.
  public func withChecksums() -> SafetensorsFile {
    var file = self
    file.metadata[Self.tensorsKey] = byName.map { Self.checksum($0.bytes) }.joined(separator: " ")
    file.metadata[Self.headerKey] = file.headerChecksum
    return file
  }

  /// Reads a file that was written with its checksums; they are not in the result.
  /// - Throws: `Malformed`, which names the tensor where it is one that was damaged.
  public init(verifying bytes: [UInt8]) throws(Malformed) {
    try self.init(bytes: bytes)
    try Self.checkSpaces(bytes)
    guard let expected = metadata[Self.headerKey], let list = metadata[Self.tensorsKey] else {
      throw Malformed(reason: "it has no checksums")
    }
    guard expected == headerChecksum else {
      throw Malformed(reason: "its header is damaged: it does not have the checksum \(expected)")
    }
    let checksums = list.split(separator: " ")
    guard checksums.count == tensors.count else {
      throw Malformed(reason: "it has \(checksums.count) checksums for \(tensors.count) tensors")
    }
    for (tensor, checksum) in zip(byName, checksums) where Self.checksum(tensor.bytes) != checksum {
      throw Malformed(
        reason: "tensor \(tensor.name) is damaged: its bytes do not have the checksum \(checksum)")
    }
    metadata[Self.tensorsKey] = nil
    metadata[Self.headerKey] = nil
  }

  private var byName: [NamedTensor] { tensors.sorted { $0.name < $1.name } }

  private static func checksum(_ bytes: [UInt8]) -> String {
    var checksum = CRC32()
    checksum.add(bytes)
    return checksum.hex
  }

  private var headerChecksum: String {
    var checksum = CRC32()
    for tensor in byName {
      checksum.add(Array("\(tensor.name)\0\(tensor.dtype.safetensorsName)\0\(tensor.shape)\n".utf8))
    }
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where key != Self.headerKey {
      checksum.add(Array("\(key)\0\(value)\n".utf8))
    }
    return checksum.hex
  }

  /// White space means nothing to JSON, so a checksum of what a header says cannot see it change. Writers put none into
  /// it, but for the blanks at its end that bring the data to a multiple of eight.
  private static func checkSpaces(_ bytes: [UInt8]) throws(Malformed) {
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    var header = bytes[8..<(8 + length)]
    while header.last == UInt8(ascii: " ") { header.removeLast() }
    var isText = false
    var isEscaped = false
    for byte in header {
      switch byte {
      case UInt8(ascii: "\\") where isText: isEscaped.toggle()
      case UInt8(ascii: "\"") where !isEscaped: isText.toggle()
      case ...0x20 where !isText:
        throw Malformed(reason: "its header is damaged: it has white space where none is written")
      default: isEscaped = false
      }
    }
  }
}

extension NamedTensor {
  /// Whether each element is a finite number; integers always are.
  public var isFinite: Bool {
    bytes.withUnsafeBytes { bytes in
      switch dtype {
      case .float32: Self.isFinite(bytes.bindMemory(to: UInt32.self), exponent: 0x7F80_0000)
      case .float64: Self.isFinite(bytes.bindMemory(to: UInt64.self), exponent: 0x7FF0_0000_0000_0000)
      case .float16: Self.isFinite(bytes.bindMemory(to: UInt16.self), exponent: 0x7C00)
      case .bfloat16: Self.isFinite(bytes.bindMemory(to: UInt16.self), exponent: 0x7F80)
      default: true
      }
    }
  }

  /// An exponent of ones alone is that of infinity and of what is not a number.
  private static func isFinite<T: FixedWidthInteger>(_ elements: UnsafeBufferPointer<T>, exponent: T) -> Bool
  {
    var found: T = 0
    for element in elements { found |= element & exponent == exponent ? 1 : 0 }
    return found == 0
  }
}
