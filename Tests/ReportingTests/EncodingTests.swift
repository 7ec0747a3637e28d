// Checksums and encodings against values published elsewhere.

import Foundation
import Testing
import Training

@testable import Reporting

@Suite struct EncodingTests {
  /// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms.
  @Test func crc32c() {
    #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.checksum((0..<32).map { UInt8($0) }) == 0x46DD_794E)
    #expect(CRC32C.checksum((0..<32).reversed().map { UInt8($0) }) == 0x113F_DB5C)
    #expect(CRC32C.checksum("123456789".utf8) == 0xE306_9283)
  }

  /// The check values of the same catalogue, and of RFC 1950's algorithm.
  @Test func pngChecksums() {
    #expect(PNG.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(PNG.crc32(Array("IEND".utf8)) == 0xAE42_6082)
    #expect(PNG.adler32(Array("Wikipedia".utf8)) == 0x11E6_0398)
  }

  /// The examples of protobuf's description of its encoding.
  @Test func protobuf() {
    #expect(ProtobufMessage { $0.add(1, integer: 150) }.bytes == [0x08, 0x96, 0x01])
    #expect(
      ProtobufMessage { $0.add(2, text: "testing") }.bytes
        == [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6E, 0x67])
    #expect(
      ProtobufMessage { $0.add(3, message: ProtobufMessage { $0.add(1, integer: 150) }) }.bytes
        == [0x1A, 0x03, 0x08, 0x96, 0x01])
    #expect(ProtobufMessage { $0.add(1, integer: -2) }.bytes.count == 11)
    #expect(ProtobufMessage { $0.add(1, double: 1) }.bytes == [0x09, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    #expect(ProtobufMessage { $0.add(2, float: 1) }.bytes == [0x15, 0, 0, 0x80, 0x3F])
  }

  @Test func pngRefusesWhatIsNoPicture() {
    #expect(PNG.encode(pixels: [1, 2], channels: 2, height: 1, width: 1) == nil)
    #expect(PNG.encode(pixels: [1, 2], channels: 1, height: 1, width: 1) == nil)
    #expect(PNG.encode(pixels: [], channels: 1, height: 0, width: 4) == nil)
    #expect(PNG.encode(pixels: [7], channels: 1, height: 1, width: 1) != nil)
  }

  /// A resumed run begins with a note that it takes over; its file is another one.
  @Test func eventFilesAreReadableByRecord() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("events-\(UUID())")
    defer { try? FileManager.default.removeItem(at: folder) }
    let sink = try TensorBoardSink(folder: folder.path, settings: [("lr", "0.1|0.2")])
    sink.add(.sample(7, epoch: 1))
    try sink.finish()
    var rest = Array(try Data(contentsOf: URL(fileURLWithPath: sink.path)))[...]
    var records: [[UInt8]] = []
    while !rest.isEmpty {
      let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
      let whole = Array(rest.prefix(16 + length))
      let data = Array(whole[12..<12 + length])
      #expect(whole == EventEncoding.record(data))
      records.append(data)
      rest = rest.dropFirst(16 + length)
    }
    #expect(records.count == 4, "version, settings, restart, a step")
    #expect(String(decoding: records[1], as: UTF8.self).contains("| lr | 0.1\\|0.2 |"))
    #expect(Array(records[2].suffix(4)) == [0x3A, 0x02, 0x08, 0x01])
    #expect(throws: ReportingError.self) { try TensorBoardSink(folder: "/dev/null/x") }
  }
}
