// Each way in which a data set on disk can be broken gives its own error, and soon.

import Datasets
import Foundation
import Testing

@Suite struct BrokenIDXTests {
  private let images = "train-images-idx3-ubyte"
  private let labels = "train-labels-idx1-ubyte"

  /// Replaces one file of a whole raw (or, for `.gz` names, gzip) data set.
  private func error(replacing name: String, with bytes: [UInt8]) throws -> DatasetError? {
    let fixture = try IDXFixture.valid(gzip: name.hasSuffix(".gz"))
    try fixture.write(name, bytes)
    return fixture.error().map { error in
      // The folder's name is random: compare with the file's own name only.
      #expect("\(error)".contains(fixture.path(name)), "\(error)")
      return error
    }
  }

  private func expect(_ name: String, _ bytes: [UInt8], _ matches: (DatasetError) -> Bool) throws {
    let error = try #require(try error(replacing: name, with: bytes))
    #expect(matches(error), "\(error)")
  }

  @Test func missingFolderAndFile() throws {
    let fixture = try IDXFixture.valid()
    let nowhere = fixture.directory.appendingPathComponent("nowhere")
    #expect(throws: DatasetError.notFound(path: nowhere.path)) { try Dataset.idx(directory: nowhere) }
    #expect(
      throws: DatasetError.wrongKind(path: fixture.path(images), found: "a file", needed: "a folder")
    ) { try Dataset.idx(directory: URL(fileURLWithPath: fixture.path(images))) }
    try fixture.remove("t10k-labels-idx1-ubyte")
    #expect(
      fixture.error()
        == .missingFile(
          directory: fixture.directory.path, part: "test labels", expected: "t10k-labels-idx1-ubyte"))
  }

  @Test func twoDataSetsInOneFolder() throws {
    let fixture = try IDXFixture.valid(prefix: "emnist-digits-", test: "test")
    try fixture.write("emnist-letters-train-labels-idx1-ubyte", [])
    #expect(
      fixture.error()
        == .ambiguous(directory: fixture.directory.path, names: ["emnist-digits", "emnist-letters"]))
  }

  @Test(.timeLimit(.minutes(60))) func aPipeDoesNotHang() throws {
    let fixture = try IDXFixture.valid()
    try fixture.remove(images)
    #expect(mkfifo(fixture.path(images), 0o600) == 0)
    #expect(
      fixture.error() == .wrongKind(path: fixture.path(images), found: "a named pipe", needed: "a file"))
  }

  @Test func aFolderInPlaceOfAFile() throws {
    let fixture = try IDXFixture.valid()
    try fixture.remove(labels)
    try FileManager.default.createDirectory(atPath: fixture.path(labels), withIntermediateDirectories: false)
    #expect(fixture.error() == .wrongKind(path: fixture.path(labels), found: "a folder", needed: "a file"))
  }

  @Test(arguments: [[0x50, 0x4B, 3, 4], [0, 0, 0x0D, 3], [0, 0, 8, 1]] as [[UInt8]])
  func otherMagic(start: [UInt8]) throws {
    try expect(images, start + [UInt8](repeating: 0, count: 30)) {
      if case .badMagic(_, start, _) = $0 { true } else { false }
    }
  }

  @Test(arguments: [0, 3, 4, 15]) func shortHeader(length: Int) throws {
    try expect(images, Array(IDX.images(count: 3, height: 2, width: 4).prefix(length))) {
      if case .headerTooShort(_, length, 16) = $0 { true } else { false }
    }
  }

  @Test(arguments: [[0, 2, 4], [3, 0, 4], [3, 2, 0]] as [[UInt32]]) func emptyDimension(_ sizes: [UInt32])
    throws
  {
    try expect(images, IDX.header(sizes)) {
      if case .emptyDimension(_, sizes.map(Int.init)) = $0 { true } else { false }
    }
  }

  @Test func dimensionsThatOverflow() throws {
    try expect(images, IDX.header([.max, .max, .max])) {
      if case .tooLarge(_, _, "a machine can address") = $0 { true } else { false }
    }
  }

  @Test(arguments: [-1, 1]) func wrongLength(difference: Int) throws {
    let whole = IDX.images(count: 3, height: 2, width: 4)
    let bytes = difference < 0 ? Array(whole.dropLast()) : whole + [0]
    try expect(images, bytes) {
      if case .wrongLength(_, bytes.count, whole.count) = $0 { true } else { false }
    }
  }

  /// Petabytes promised by 60 bytes: refused without taking memory.
  @Test(.timeLimit(.minutes(60))) func hugePromisesCostNothing() throws {
    try expect(images, IDX.header([.max, 1 << 15, 1 << 10])) {
      if case .wrongLength = $0 { true } else { false }
    }
    try expect(images + ".gz", Gzip.stored(IDX.header([.max, 1 << 15, 1 << 10]))) {
      if case .tooLarge(_, _, let limit) = $0 { limit.contains("gzip can hold") } else { false }
    }
  }

  @Test(arguments: [0, 5, 10, 20, 30, 50]) func truncatedGzip(length: Int) throws {
    let whole = Gzip.stored(IDX.images(count: 3, height: 2, width: 4))
    try expect(images + ".gz", Array(whole.prefix(length))) {
      if case .truncatedGzip = $0 { true } else { false }
    }
  }

  /// The trailer is checked as well: eight bytes of checksum and length.
  @Test func everyTruncationIsFound() throws {
    let whole = Gzip.stored(IDX.images(count: 3, height: 2, width: 4))
    let fixture = try IDXFixture.valid(gzip: true)
    for length in 0..<whole.count {
      try fixture.write(images + ".gz", Array(whole.prefix(length)))
      #expect(fixture.error() == .truncatedGzip(path: fixture.path(images + ".gz")), "\(length) bytes")
    }
  }

  @Test(arguments: [0, 1, 2, 11, 15 + 20, 15 + 40, 15 + 42]) func corruptGzip(at index: Int) throws {
    var bytes = Gzip.stored(IDX.images(count: 3, height: 2, width: 4))
    bytes[index] ^= 0x55
    try expect(images + ".gz", bytes) { if case .corruptGzip = $0 { true } else { false } }
  }

  @Test func rubbishBehindGzip() throws {
    let bytes = Gzip.stored(IDX.images(count: 3, height: 2, width: 4)) + [1, 2, 3, 4]
    try expect(images + ".gz", bytes) { if case .corruptGzip = $0 { true } else { false } }
  }

  @Test func gzipHoldsLessThanPromised() throws {
    let whole = IDX.images(count: 3, height: 2, width: 4)
    try expect(images + ".gz", Gzip.stored(whole.dropLast(2))) {
      $0 == .gzipTooShort(path: path(of: $0), bytes: whole.count - 2, needed: whole.count)
    }
  }

  @Test func gzipHoldsMoreThanPromised() throws {
    let bytes = IDX.images(count: 3, height: 2, width: 4) + [UInt8](repeating: 0, count: 1_000_000)
    try expect(images + ".gz", Gzip.stored(bytes)) {
      if case .gzipTooLong(_, 40) = $0 { true } else { false }
    }
  }

  @Test func countsAndShapesMustAgree() throws {
    try expect(labels, IDX.labels([1, 2])) {
      if case .countMismatch(_, 3, _, 2) = $0 { true } else { false }
    }
    try expect("t10k-images-idx3-ubyte", IDX.images(count: 2, height: 3, width: 4)) {
      if case .shapeMismatch = $0 { true } else { false }
    }
  }

  @Test func labelsMustBeClasses() throws {
    // The training labels say 10 classes; a test label of 12 belongs to none.
    try expect("t10k-labels-idx1-ubyte", IDX.labels([3, 12])) {
      if case .labelOutOfRange(_, 1, 12, 0...9) = $0 { true } else { false }
    }
    let letters = try IDXFixture.valid(prefix: "emnist-letters-", test: "test")
    try letters.write("emnist-letters-train-labels-idx1-ubyte", IDX.labels([1, 0, 26]))
    #expect(
      letters.error()
        == .labelOutOfRange(
          path: letters.path("emnist-letters-train-labels-idx1-ubyte"), index: 1, label: 0, valid: 1...26))
  }

  private func path(of error: DatasetError) -> String {
    if case .gzipTooShort(let path, _, _) = error { path } else { "" }
  }
}
