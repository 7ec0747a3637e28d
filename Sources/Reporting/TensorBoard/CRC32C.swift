// The checksum of TensorBoard's records.

/// Castagnoli's cyclic redundancy check, reflected, as in RFC 3720, appendix B.4:
/// <https://www.rfc-editor.org/rfc/rfc3720#appendix-B.4>.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }

  static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { value, byte in value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
  }

  /// As a record holds it: a checksum over data that hold checksums of their own would be weak, so it is turned and
  /// shifted. <https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details>
  static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let value = checksum(bytes)
    return (value >> 15 | value << 17) &+ 0xA282_EAD8
  }
}
