// Writes IDX data sets for tests, whole or broken, raw or gzip, each in a folder of its own.

import Datasets
import Foundation

/// A temporary folder with IDX files; removed with the value that owns it.
final class IDXFixture {
  let directory: URL

  init() throws {
    directory = FileManager.default.temporaryDirectory
      .appendingPathComponent("idx-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: directory)
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: directory.appendingPathComponent(name))
  }

  func path(_ name: String) -> String { directory.path + "/" + name }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: path(name))
  }

  /// A whole small data set: 3 training images and 2 test images of 2 × 4.
  static func valid(
    prefix: String = "", test: String = "t10k", separator: String = "-", gzip: Bool = false
  ) throws -> IDXFixture {
    let fixture = try IDXFixture()
    let ending = gzip ? ".gz" : ""
    let pack: ([UInt8]) -> [UInt8] = gzip ? { Gzip.stored($0) } : { $0 }
    for (part, count) in [("train", 3), (test, 2)] {
      let images = IDX.images(count: count, height: 2, width: 4)
      let labels = IDX.labels((1...count).map(UInt8.init))
      try fixture.write("\(prefix)\(part)-images\(separator)idx3-ubyte\(ending)", pack(images))
      try fixture.write("\(prefix)\(part)-labels\(separator)idx1-ubyte\(ending)", pack(labels))
    }
    return fixture
  }

  /// What reading this folder throws, or `nil`.
  func error() -> DatasetError? {
    do throws(DatasetError) {
      _ = try Dataset.idx(directory: directory)
      return nil
    } catch {
      return error
    }
  }
}

/// Bytes of IDX files.
enum IDX {
  static func header(_ dimensions: [UInt32], type: UInt8 = 8) -> [UInt8] {
    [0, 0, type, UInt8(dimensions.count)]
      + dimensions.flatMap {
        [UInt8($0 >> 24), UInt8($0 >> 16 & 255), UInt8($0 >> 8 & 255), UInt8($0 & 255)]
      }
  }

  static func images(count: Int, height: Int, width: Int) -> [UInt8] {
    header([UInt32(count), UInt32(height), UInt32(width)])
      + (0..<count * height * width).map { UInt8($0 * 7 % 256) }
  }

  static func labels(_ labels: [UInt8]) -> [UInt8] { header([UInt32(labels.count)]) + labels }
}

/// A gzip file without compression: stored blocks (RFC 1951, 3.2.4) in one member (RFC 1952).
enum Gzip {
  static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    var start = 0
    repeat {
      let end = min(start + 65535, bytes.count)
      let length = end - start
      result += [end == bytes.count ? 1 : 0, UInt8(length & 255), UInt8(length >> 8)]
      result += [~UInt8(length & 255), ~UInt8(length >> 8)]
      result += bytes[start..<end]
      start = end
    } while start < bytes.count
    return result + littleEndian(crc32(bytes)) + littleEndian(UInt32(truncatingIfNeeded: bytes.count))
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(value >> (8 * $0) & 255) }
  }

  static func crc32(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0 as UInt32) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
      }
    }
  }
}
