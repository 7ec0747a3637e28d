// CIFAR's binary files, written here by the layout that their authors publish.

import Testing

@testable import Datasets

/// Layout: <https://www.cs.toronto.edu/~kriz/cifar.html>. A record is one label byte (CIFAR-100: coarse, then fine) and
/// 1024 red, 1024 green and 1024 blue values, row by row.
@Suite struct CIFARTests {
  /// Pixel `place` of channel `channel` of an image.
  private func value(_ image: Int, _ channel: Int, _ place: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: image * 71 + channel * 37 + place * 3 + place / 32)
  }

  private func record(_ labels: [UInt8], _ image: Int) -> [UInt8] {
    labels + (0..<3).flatMap { channel in (0..<1024).map { value(image, channel, $0) } }
  }

  private func expectImage(_ images: LabeledImages, _ index: Int, is number: Int) {
    let pixels = Array(images.image(index))
    #expect(pixels == (0..<3).flatMap { channel in (0..<1024).map { value(number, channel, $0) } })
  }

  private func tenClasses() throws -> DatasetFolder {
    let folder = try DatasetFolder()
    for batch in 1...5 {
      try folder.write("data_batch_\(batch).bin", record([UInt8(batch)], batch) + record([9], 10 + batch))
    }
    try folder.write("test_batch.bin", record([0], 20) + record([7], 21) + record([3], 22))
    return folder
  }

  @Test func ten() throws {
    let folder = try tenClasses()
    let dataset = try folder.load()
    #expect(dataset.shape == ImageShape(channels: 3, height: 32, width: 32))
    #expect(dataset.train.labels == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9] && dataset.test.labels == [0, 7, 3])
    for (index, number) in [1, 11, 2, 12, 3, 13, 4, 14, 5, 15].enumerated() {
      expectImage(dataset.train, index, is: number)
    }
    for index in 0..<3 { expectImage(dataset.test, index, is: 20 + index) }
    #expect(dataset.classNames == (0...9).map(String.init))
    try folder.write(
      "batches.meta.txt",
      Array("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n".utf8))
    #expect(try folder.load().classNames.suffix(2) == ["ship", "truck"])
    // As the archive unpacks: in a folder of its own.
    let outer = try DatasetFolder()
    try outer.write("cifar-10-batches-bin/data_batch_1.bin", record([4], 1))
    try outer.write("cifar-10-batches-bin/test_batch.bin", record([4], 2))
    #expect(try outer.load().train.labels == [4])
  }

  @Test func hundredTakesTheFineLabel() throws {
    let folder = try DatasetFolder()
    try folder.write("train.bin", record([19, 99], 1) + record([0, 42], 2))
    try folder.write("test.bin", record([3, 0], 3))
    let dataset = try folder.load()
    #expect(dataset.classCount == 100 && dataset.train.labels == [99, 42] && dataset.test.labels == [0])
    expectImage(dataset.train, 1, is: 2)
    expectImage(dataset.test, 0, is: 3)
  }

  @Test func brokenFilesAreNamed() throws {
    let folder = try tenClasses()
    func expect(_ name: String, _ bytes: [UInt8], _ text: String) throws {
      let good = try ByteFile.contents(folder.url.path + "/" + name)
      try folder.write(name, bytes)
      let error = folder.error()
      #expect(error.hasPrefix("DATA/\(name): \(text)"), "\(error)")
      try folder.write(name, good)
    }
    try expect(
      "data_batch_3.bin", Array(record([1], 1).dropLast()),
      "holds 3072 bytes, which is no whole number of records of 3073; the file is damaged")
    try expect("test_batch.bin", [], "holds 0 bytes")
    try expect(
      "data_batch_2.bin", record([1], 1) + record([10], 2), "label 10 of image 1 is outside 0…9")
    try folder.write("batches.meta.txt", Array("cat\ndog\n".utf8))
    #expect(folder.error().hasPrefix("DATA/batches.meta.txt: names 2 classes, but there are 10"))
  }

  @Test func missingFilesAreNamed() throws {
    let folder = try DatasetFolder()
    try folder.write("test_batch.bin", record([1], 1))
    #expect(folder.error() == "DATA: no training images; expected a file like data_batch_1.bin")
    let other = try DatasetFolder()
    try other.write("train.bin", record([1, 1], 1))
    #expect(other.error() == "DATA: no test images; expected a file like test.bin")
  }
}
