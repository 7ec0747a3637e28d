// Reading whole IDX data sets under all the names in use.

import Datasets
import Foundation
import Testing

@Suite struct IDXReadingTests {
  @Test(arguments: [false, true], ["-", "."]) func readsRawAndGzip(gzip: Bool, separator: String) throws {
    let fixture = try IDXFixture.valid(separator: separator, gzip: gzip)
    let data = try Dataset.idx(directory: fixture.directory)
    #expect(data.shape == ImageShape(channels: 1, height: 2, width: 4))
    #expect(data.train.count == 3 && data.test.count == 2)
    #expect(data.train.labels == [1, 2, 3])
    #expect(data.train.pixels == (0..<24).map { UInt8($0 * 7) })
    #expect(Array(data.train.image(1)) == (8..<16).map { UInt8($0 * 7) })
    #expect(data.classNames.count == 10)
    #expect(data.name == fixture.directory.lastPathComponent)
  }

  @Test func gzipOfSeveralMembers() throws {
    let fixture = try IDXFixture.valid(gzip: true)
    let images = IDX.images(count: 3, height: 2, width: 4)
    try fixture.write(
      "train-images-idx3-ubyte.gz", Gzip.stored(Array(images[..<9])) + Gzip.stored(Array(images[9...])))
    #expect(try Dataset.idx(directory: fixture.directory).train.pixels == Array(images[16...]))
  }

  /// A file packed by gzip itself, not by the tests' own writer.
  @Test func readsCompressedBlocks() throws {
    let fixture = try IDXFixture.valid()
    try fixture.remove("t10k-labels-idx1-ubyte")
    let packed = try #require(Data(base64Encoded: "H4sIAAAAAAACA2Ng4GBkYGBgYmYEAEzPtskKAAAA"))
    try fixture.write("t10k-labels-idx1-ubyte.gz", Array(packed))
    #expect(try Dataset.idx(directory: fixture.directory).test.labels == [3, 1])
  }

  @Test func rawIsPreferredToGzip() throws {
    let fixture = try IDXFixture.valid()
    try fixture.write("train-labels-idx1-ubyte.gz", [1, 2, 3])
    #expect(fixture.error() == nil)
  }

  @Test func lettersAreNumberedFromOne() throws {
    let fixture = try IDXFixture.valid(prefix: "emnist-letters-", test: "test", gzip: true)
    let data = try Dataset.idx(directory: fixture.directory)
    #expect(data.classNames.count == 26 && data.classNames.first == "A")
    #expect(data.train.labels == [0, 1, 2])
  }

  @Test(arguments: [("emnist-balanced-", 47), ("emnist-byclass-", 62), ("emnist-digits-", 10), ("own-", 10)])
  func splitsKnowTheirClasses(prefix: String, classes: Int) throws {
    let fixture = try IDXFixture.valid(prefix: prefix, test: "test")
    let names = try Dataset.idx(directory: fixture.directory).classNames
    #expect(names.count == classes && Set(names).count == classes)
  }

  @Test func largeLabelsMakeMoreClasses() throws {
    let fixture = try IDXFixture.valid()
    try fixture.write("train-labels-idx1-ubyte", IDX.labels([0, 41, 2]))
    #expect(try Dataset.idx(directory: fixture.directory).classCount == 42)
  }

  @Test func fashionHasNames() throws {
    let fixture = try IDXFixture.valid()
    let folder = fixture.directory.appendingPathComponent("Fashion-MNIST", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    for name in try FileManager.default.contentsOfDirectory(atPath: fixture.directory.path)
    where name.hasSuffix("ubyte") {
      try FileManager.default.moveItem(
        at: fixture.directory.appendingPathComponent(name), to: folder.appendingPathComponent(name))
    }
    let data = try Dataset.idx(directory: folder)
    #expect(data.classNames[9] == "Ankle boot" && data.name == "Fashion-MNIST")
  }
}
