// Folders of images: what Pillow reads from the same files, how they are scaled, and what is said of bad ones.

import Foundation
import Testing

@testable import Datasets

@Suite struct ImageFolderTests {
  /// What scripts/fixtures/make_dataset_fixtures.py wrote.
  private struct Picture: Decodable {
    struct Form: Decodable {
      let size, channels: Int
      let pixels: String
    }
    let name: String
    let channels, height, width: Int
    let pixels: String
    let forms: [Form]
  }

  private func pictures() throws -> [Picture] {
    try JSONDecoder().decode([Picture].self, from: Data(DatasetFolder.fixture("images.json")))
  }

  /// Two hexadecimal digits a byte.
  private func bytes(_ digits: String) -> [UInt8] {
    let values = digits.utf8.map { $0 < 58 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
  }

  /// The largest difference of two pixels.
  private func difference(_ one: [UInt8], _ other: [UInt8]) -> Int {
    guard one.count == other.count else { return .max }
    return zip(one, other).map { abs(Int($0) - Int($1)) }.max() ?? 0
  }

  private func read(_ name: String) throws -> PixelImage {
    let folder = try DatasetFolder()
    try folder.copy([name: "images/\(name)"])
    return try PixelImage(path: folder.url.path + "/" + name)
  }

  @Test func pixelsAreThoseThatPillowReads() throws {
    for picture in try pictures() {
      let image = try read(picture.name)
      #expect(
        image.shape == ImageShape(channels: picture.channels, height: picture.height, width: picture.width),
        "\(picture.name)")
      // JPEG leaves the last bits to the library; 16 bits may be rounded either way.
      let tolerance = picture.name.contains(".jp") ? 2 : picture.name == "deep.png" ? 1 : 0
      #expect(difference(image.pixels, bytes(picture.pixels)) <= tolerance, "\(picture.name)")
    }
  }

  /// Pillow rounds its weights to 22 bits, so a value may be rounded the other way.
  @Test func formsAreThoseThatPillowMakes() throws {
    var count = 0
    for picture in try pictures() {
      let image = try read(picture.name)
      for form in picture.forms {
        let made = image.inForm(ImageForm(size: form.size, channels: form.channels))
        #expect(made.shape == ImageShape(channels: form.channels, height: form.size, width: form.size))
        #expect(difference(made.pixels, bytes(form.pixels)) <= 1, "\(picture.name) \(form.size)")
        count += 1
      }
    }
    #expect(count == 12)
  }

  @Test func trainAndTest() throws {
    let folder = try DatasetFolder()
    try folder.copy([
      "train/dog/b.png": "images/noise.png", "train/dog/a.png": "images/rgb.png",
      "train/cat/1.JPG": "images/rgb.jpg", "val/cat/2.jpeg": "images/progressive.jpg",
    ])
    // What is no image by its name is passed over.
    try folder.write("train/dog/notes.txt", [1])
    try folder.write("train/.hidden/x.png", [1])
    let dataset = try folder.load()
    #expect(dataset.classNames == ["cat", "dog"] && dataset.train.labels == [0, 1, 1])
    #expect(dataset.test.labels == [0])
    #expect(try Array(dataset.train.image(1)) == read("rgb.png").pixels)
    #expect(dataset.shape == ImageShape(channels: 3, height: 20, width: 26))
    #expect(
      try folder.load(ImageForm(size: 12, channels: 1)).shape
        == ImageShape(channels: 1, height: 12, width: 12))
  }

  @Test func theSeedDividesWhatIsNotDivided() throws {
    let folder = try DatasetFolder()
    for index in 0..<10 {
      for name in ["a", "b"] { try folder.copy(["\(name)/\(index).png": "images/rgb.png"]) }
    }
    let (one, again, other) = (try folder.load(seed: 1), try folder.load(seed: 1), try folder.load(seed: 2))
    #expect(one.test.count == 4 && one.train.count == 16)
    #expect(one.test.labels == again.test.labels && one.train.labels == again.train.labels)
    #expect(ImageFolder.divide(20, seed: 1).test != ImageFolder.divide(20, seed: 2).test)
    #expect(other.test.count == 4)
    let parts = ImageFolder.divide(20, seed: 3)
    #expect((parts.train + parts.test).sorted() == Array(0..<20))
  }

  @Test func imagesThatDoNotGoTogether() throws {
    let folder = try DatasetFolder()
    try folder.copy(["a/1.png": "images/rgb.png", "b/1.png": "images/grey.png"])
    #expect(
      folder.error() == "DATA/b/1.png: is an image of 26×20×1, but DATA/a/1.png is one of 26×20×3; "
        + "give --channels 1 for grey or 3 for colour")
    #expect(try folder.load(ImageForm(channels: 3)).shape.channels == 3)
    #expect(try folder.load(ImageForm(channels: 1)).shape.channels == 1)
    let sizes = try DatasetFolder()
    try sizes.copy(["a/1.png": "images/rgb.png", "b/1.png": "images/dot.png"])
    #expect(sizes.error().hasSuffix("give --image-size, such as 32"))
  }

  private func expect(_ bytes: [UInt8], as name: String = "1.png", _ text: String) throws {
    let folder = try DatasetFolder()
    try folder.copy(["a/0.png": "images/rgb.png", "b/0.png": "images/rgb.png"])
    try folder.write("b/\(name)", bytes)
    let error = folder.error()
    #expect(error.hasPrefix("DATA/b/\(name): ") && error.contains(text), "\(error)")
  }

  @Test func filesThatAreNoImages() throws {
    try expect([], "is neither a PNG nor a JPEG file")
    try expect(
      Array("<html>".utf8), "is neither a PNG nor a JPEG file; the file is damaged or of another kind")
    try expect(Array("GIF89a".utf8), as: "1.jpg", "is neither a PNG nor a JPEG file")
    try expect([0x89, 0x50, 0x4E, 0x47], "libpng says: ")
    try expect([0xFF, 0xD8], as: "1.jpg", "libjpeg says: ")
    try expect(
      DatasetFolder.fixture("images/print.jpg"), as: "1.jpg",
      "in CMYK, the colours of print, which are not supported; convert it to RGB")
    // A header that claims a picture of 2³¹ − 1 by 2³¹ − 1 pixels in a file of some bytes, its checksum right.
    let huge = Array("IHDR".utf8) + [127, 255, 255, 255, 127, 255, 255, 255, 8, 2, 0, 0, 0]
    let sum = Gzip.crc32(huge)
    let check = (0..<4).reversed().map { UInt8(truncatingIfNeeded: sum >> (8 * UInt32($0))) }
    let plain = try DatasetFolder.fixture("images/rgb.png")
    try expect(plain[..<12] + huge + check + plain[33...], "libpng says: ")
  }

  @Test(arguments: ["rgb.png", "noise.png", "rgb.jpg", "progressive.jpg"]) func everyTruncationIsSeen(
    name: String
  ) throws {
    let folder = try DatasetFolder()
    let whole = try DatasetFolder.fixture("images/\(name)")
    let path = folder.url.path + "/" + name
    // The last bytes close the file: the pixels are whole before them.
    for length in stride(from: 0, to: whole.count - 16, by: 7) {
      try folder.write(name, Array(whole.prefix(length)))
      #expect(throws: DatasetError.self, "\(length)") { try PixelImage(path: path) }
    }
  }

  @Test func foldersThatAreNoDataSet() throws {
    let empty = try DatasetFolder()
    #expect(empty.error().hasPrefix("DATA: holds no data set that is known here; expected IDX files"))
    let alone = try DatasetFolder()
    try alone.copy(["a/1.png": "images/rgb.png", "a/2.png": "images/rgb.png"])
    #expect(
      alone.error() == "DATA: has 1 class folder; 2 to 256 classes are needed, each a folder of its images")
    let both = try DatasetFolder()
    try both.copy([
      "a/1.png": "images/rgb.png", "b/1.png": "images/rgb.png", "x_train.npy": "arrays/nhw-u1.npy",
    ])
    #expect(
      both.error().hasPrefix("DATA: holds several data sets (NumPy files, folders of images); move the one"))
    let unknown = try DatasetFolder()
    try unknown.copy([
      "train/a/1.png": "images/rgb.png", "train/b/1.png": "images/rgb.png", "test/c/1.png": "images/rgb.png",
    ])
    #expect(
      unknown.error()
        == "DATA/test: has the class c, which DATA/train has not; both parts need the same class folders")
    let bare = try DatasetFolder()
    try bare.copy(["train/a/1.png": "images/rgb.png", "train/b/1.png": "images/rgb.png"])
    try bare.write("test/a/notes.txt", [1])
    #expect(bare.error() == "DATA/test: holds no images; put PNG or JPEG files into its class folders")
  }
}
