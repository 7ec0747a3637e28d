// NumPy's files: those that NumPy wrote, in the layouts and types in use, and those that nobody should trust.

import Testing

@testable import Datasets

/// Fixtures/arrays is made by scripts/fixtures/make_dataset_fixtures.py: five images of 6 rows, 4 columns and 3 channels,
/// whose values count up from 0 in the order row, column, channel.
@Suite struct NumPyTests {
  private func folder(images: String, labels: String = "labels-i8") throws -> DatasetFolder {
    let folder = try DatasetFolder()
    try folder.copy([
      "x_train.npy": "arrays/\(images).npy", "y_train.npy": "arrays/\(labels).npy",
      "x_test.npy": "arrays/\(images).npy", "y_test.npy": "arrays/\(labels).npy",
    ])
    return folder
  }

  /// In our order: channel, row, column.
  private let colour: [UInt8] = (0..<5).flatMap { image in
    (0..<3).flatMap { channel in (0..<24).map { UInt8(truncatingIfNeeded: image * 72 + $0 * 3 + channel) } }
  }

  @Test(arguments: [
    "nhwc-u1-v1", "nhwc-u1-v2", "nhwc-u1-v3", "nchw-u1", "nhwc-f4", "nhwc-f4-big", "nhwc-f8",
  ]) func imagesInColour(name: String) throws {
    let dataset = try folder(images: name).load()
    #expect(dataset.shape == ImageShape(channels: 3, height: 6, width: 4))
    #expect(dataset.train.pixels == colour && dataset.test.pixels == colour)
    #expect(dataset.train.labels == [2, 0, 1, 2, 0] && dataset.classNames == ["0", "1", "2"])
  }

  @Test(arguments: ["nhw-u1", "n1hw-u1"]) func imagesInGrey(name: String) throws {
    let dataset = try folder(images: name).load()
    #expect(dataset.shape == ImageShape(channels: 1, height: 6, width: 4))
    #expect(dataset.train.pixels == (0..<120).map { UInt8(truncatingIfNeeded: $0 * 3) })
  }

  @Test(arguments: ["u1", "i2", "i4", "i8", "big-i4", "big-i8", "u8", "column"]) func labels(kind: String)
    throws
  {
    let dataset = try folder(images: "nhw-u1", labels: "labels-" + kind).load()
    #expect(dataset.train.labels == [2, 0, 1, 2, 0])
  }

  @Test func otherNames() throws {
    let folder = try DatasetFolder()
    try folder.copy([
      "train_images.npy": "arrays/nhw-u1.npy", "train_labels.npy": "arrays/labels-i8.npy",
      "X_test.npy": "arrays/nhw-u1.npy", "y_test.npy": "arrays/labels-u1.npy",
    ])
    #expect(try folder.load().test.count == 5)
    try folder.copy(["x_test.npy": "arrays/nhw-u1.npy"])
    #expect(
      folder.error()
        == "DATA: holds several data sets (x_test.npy, X_test.npy); move the one to use into a folder "
        + "of its own")
  }

  @Test(arguments: [
    ("fortran", "is in Fortran order; save it anew with numpy.save(path, numpy.ascontiguousarray(array))"),
    ("n3w3-u1", "it cannot be told where the channels are in an array of shape [5, 3, 4, 3]"),
    ("flat-u1", "holds an array of shape [5, 72]; images are [N, H, W], [N, H, W, C] or [N, C, H, W]"),
    ("bool", "holds elements of type '|b1'; save images as uint8"),
    ("nhwc-f2", "holds elements of type '<f2'; save images as uint8"),
    ("nhwc-i4", "holds images of type '<i4'; save them as uint8 (0…255) or float32 (0…1)"),
    (
      "nhwc-f4-255",
      "holds the value 2.0, but images of floats have values of 0…1; divide by the largest value"
    ),
    ("nhwc-f4-nan", "holds the value nan, but images of floats have values of 0…1"),
  ]) func imagesThatCannotBeUsed(name: String, text: String) throws {
    let error = try folder(images: name).error()
    #expect(error.hasPrefix("DATA/x_train.npy: ") && error.contains(text), "\(error)")
  }

  @Test(arguments: [
    ("labels-onehot", "shape [5, 3]; labels are whole numbers, one for each image"),
    ("labels-f4", "type '<f4' and shape [5]; labels are whole numbers"),
    ("labels-negative", "label -1 of image 2 is outside 0…255"),
    ("labels-300", "label 300 of image 3 is outside 0…255"),
    ("labels-four", "holds 4 labels; they are from different data sets"),
  ]) func labelsThatCannotBeUsed(name: String, text: String) throws {
    let error = try folder(images: "nhw-u1", labels: name).error()
    #expect(error.contains("DATA/y_train.npy") && error.contains(text), "\(error)")
  }

  /// A network tells classes apart: there must be two.
  @Test func oneClass() throws {
    let folder = try folder(images: "nhw-u1", labels: "labels-u1")
    try folder.write("y_train.npy", file(header("(5,)"), data: 5).dropLast(5) + [0, 0, 0, 0, 0])
    let error = folder.error()
    #expect(
      error
        == "DATA/y_train.npy: all its labels are 0, which is one class; two or more are needed, with labels from 0"
    )
  }

  @Test func partsThatDoNotGoTogether() throws {
    let shapes = try folder(images: "nhw-u1")
    try shapes.copy(["x_test.npy": "arrays/nchw-u1.npy"])
    #expect(shapes.error().contains("DATA/x_test.npy of 4×6×3") || shapes.error().contains("of 4×6×3"))
    let missing = try DatasetFolder()
    try missing.copy(["x_train.npy": "arrays/nhw-u1.npy", "y_train.npy": "arrays/labels-u1.npy"])
    #expect(missing.error() == "DATA: no test images; expected a file like x_test.npy")
  }

  /// A file by the format's definition, with any header.
  private func file(_ header: String, version: UInt8 = 1, length: Int? = nil, data: Int = 0) -> [UInt8] {
    let text = Array(header.utf8)
    let count = length ?? text.count
    let size = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + size + text + [UInt8](repeating: 1, count: data)
  }

  private func header(_ shape: String, _ type: String = "|u1") -> String {
    "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }\n"
  }

  @Test func headersThatLie() throws {
    let folder = try folder(images: "nhw-u1")
    func expect(_ bytes: [UInt8], _ text: String) throws {
      try folder.write("x_train.npy", bytes)
      let error = folder.error()
      #expect(error.hasPrefix("DATA/x_train.npy: ") && error.contains(text), "\(error)")
    }
    try folder.write("x_train.npy", file(header("(5, 6, 4)"), data: 120))
    _ = try folder.load()
    try expect([], "does not start like a NumPy array file")
    try expect(Array("PK\u{3}\u{4} an npz archive".utf8), "does not start like a NumPy array file")
    try expect(file(header("(5, 6, 4)"), version: 4, data: 120), "is of format version 4.0")
    try expect(file(header("(5, 6, 4)"), length: 5000, data: 120), "ends inside its header")
    try expect(file(header("(5, 6, 4)"), version: 2, length: 0xFFFF_FFFF), "ends inside its header")
    try expect(Array(file("").prefix(9)), "does not start like a NumPy array file")
    try expect(file(header("(5, 6, 4)"), data: 119), "holds 119 bytes, but its header promises 120")
    try expect(file(header("(5, 6, 4)"), data: 121), "holds 121 bytes, but its header promises 120")
    try expect(file(header("(0, 6, 4)")), "0 × 6 × 4, so it is empty")
    try expect(
      file(header("(4294967296, 4294967296, 4)"), data: 16), "more than a machine can address")
    try expect(file(header("(99999999999999999999, 6, 4)"), data: 16), "not one that NumPy writes")
    try expect(file(header("(-5, 6, 4)"), data: 120), "not one that NumPy writes")
    try expect(file(header("(5, 6, 4)", "|O"), data: 120), "elements of type '|O'")
    try expect(file("__import__('os').system('ls')", data: 120), "not one that NumPy writes")
    try expect(
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (5,)}", data: 20),
      "not one that NumPy writes")
    try expect(file("{'descr': '|u1', 'shape': (5, 6, 4)}", data: 120), "not one that NumPy writes")
  }

  /// No prefix of a good file is taken for one, and none does harm.
  @Test func everyTruncationIsSeen() throws {
    let folder = try folder(images: "nhw-u1")
    let whole = try DatasetFolder.fixture("arrays/nhw-u1.npy")
    for length in 0..<whole.count {
      try folder.write("x_train.npy", Array(whole.prefix(length)))
      #expect(throws: DatasetError.self) { try folder.load() }
    }
  }
}
