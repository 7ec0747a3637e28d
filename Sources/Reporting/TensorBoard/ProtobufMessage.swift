// Writes protocol buffers, as much of them as TensorBoard's events need.

/// A message field by field: <https://protobuf.dev/programming-guides/encoding/>.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  init(_ fill: (inout ProtobufMessage) -> Void) {
    fill(&self)
  }

  mutating func add(_ field: Int, integer: Int64) {
    tag(field, wireType: 0)
    varint(UInt64(bitPattern: integer))
  }

  mutating func add(_ field: Int, double: Double) {
    tag(field, wireType: 1)
    bytes += littleEndian(double.bitPattern)
  }

  mutating func add(_ field: Int, float: Float) {
    tag(field, wireType: 5)
    bytes += littleEndian(float.bitPattern)
  }

  mutating func add(_ field: Int, text: String) { add(field, bytes: Array(text.utf8)) }
  mutating func add(_ field: Int, message: ProtobufMessage) { add(field, bytes: message.bytes) }

  mutating func add(_ field: Int, bytes content: [UInt8]) {
    tag(field, wireType: 2)
    varint(UInt64(content.count))
    bytes += content
  }

  private mutating func tag(_ field: Int, wireType: Int) { varint(UInt64(field << 3 | wireType)) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Lowest byte first.
func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
