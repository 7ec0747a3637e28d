// Small pictures as PNG files, for pages that carry their pictures with them.

import Safetensors

/// Writes PNG: <https://www.w3.org/TR/png-3/>. Pixels are stored as they are, not packed: a picture of a data set is
/// 1 to 3 KB either way.
enum PNG {
  /// - Parameter pixels: `channels · height · width` values, channel by channel, row by row; one channel is grey,
  ///   three are red, green and blue.
  /// - Returns: the file, or nil for other channels or another number of pixels.
  static func encode(pixels: [UInt8], channels: Int, height: Int, width: Int) -> [UInt8]? {
    guard channels == 1 || channels == 3, height > 0, width > 0, height <= 4096, width <= 4096,
      pixels.count == channels * height * width
    else { return nil }
    var rows: [UInt8] = []
    rows.reserveCapacity(height * (width * channels + 1))
    for y in 0..<height {
      rows.append(0)  // no filter
      for x in 0..<width {
        for channel in 0..<channels { rows.append(pixels[(channel * height + y) * width + x]) }
      }
    }
    let header = bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [8, channels == 1 ? 0 : 2, 0, 0, 0]
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", header) + chunk("IDAT", stored(rows)) + chunk("IEND", [])
  }

  private static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    let content = Array(name.utf8) + data
    return bigEndian(UInt32(data.count)) + content + bigEndian(crc32(content))
  }

  /// A zlib stream of stored blocks: <https://www.rfc-editor.org/rfc/rfc1950>, <https://www.rfc-editor.org/rfc/rfc1951>.
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    for start in stride(from: 0, to: bytes.count, by: 65535) {
      let block = bytes[start..<min(start + 65535, bytes.count)]
      let length = UInt16(block.count)
      stream += [start + block.count == bytes.count ? 1 : 0] + littleEndian(length) + littleEndian(~length)
      stream += block
    }
    return stream + bigEndian(adler32(bytes))
  }

  static func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      a = (a + UInt32(byte)) % 65521
      b = (b + a) % 65521
    }
    return b << 16 | a
  }

  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var checksum = CRC32()
    checksum.add(bytes)
    return checksum.value
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] { littleEndian(value).reversed() }
}
