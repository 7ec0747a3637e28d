// The checksum by which damage to a file shows.

/// CRC-32 as zlib, gzip and PNG compute it (reflected polynomial 0xEDB88320; ISO 3309), so that `zlib.crc32` of
/// Python checks the same numbers. It finds every error that lies within 32 bits, and so every changed byte.
public struct CRC32: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF

  public init() {}

  /// Of everything that was added.
  public var value: UInt32 { ~state }

  /// `value` in eight hexadecimal digits.
  public var hex: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  public mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    Self.tables.withUnsafeBufferPointer { tables in
      // Eight bytes at a time: each table holds what a byte becomes by the time so many others have followed
      // (M. Kounavis, F. Berry 2005, https://doi.org/10.1109/ISCC.2005.18).
      let whole = bytes.count / 8 * 8
      for start in stride(from: 0, to: whole, by: 8) {
        let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self)) ^ crc
        let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self))
        var word = UInt64(high) << 32 | UInt64(low)
        crc = 0
        for table in stride(from: 1792, through: 0, by: -256) {
          crc ^= tables[table + Int(truncatingIfNeeded: word & 0xFF)]
          word >>= 8
        }
      }
      for place in whole..<bytes.count {
        crc = tables[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[place])] ^ (crc >> 8)
      }
    }
    state = crc
  }

  public mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }

  /// Eight tables of 256 one after another.
  private static let tables: [UInt32] = {
    var tables: [UInt32] = []
    for byte in 0..<256 {
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 0 ? 0 : 0xEDB8_8320) }
      tables.append(crc)
    }
    for place in 256..<2048 {
      let before = tables[place - 256]
      tables.append(tables[Int(before & 0xFF)] ^ (before >> 8))
    }
    return tables
  }()
}
