// Pictures of a report, unpacked by libpng.

import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Reporting

@Suite struct PictureTests {
  /// One row and one column, many rows, and more than one block of 65535 bytes.
  @Test(arguments: [
    (1, 1, 1), (3, 1, 1), (1, 28, 28), (3, 32, 32), (1, 5, 7), (3, 7, 5), (1, 300, 257), (3, 200, 300),
  ])
  func libpngReadsThem(channels: Int, height: Int, width: Int) throws {
    let pixels = (0..<channels * height * width).map { UInt8(truncatingIfNeeded: splitMix(UInt64($0))) }
    let file = try #require(PNG.encode(pixels: pixels, channels: channels, height: height, width: width))
    let folder = try TemporaryFolder()
    let image = try PixelImage(path: folder.write("picture.png", file))
    #expect(image.shape == ImageShape(channels: channels, height: height, width: width))
    #expect(image.pixels == pixels)
  }

  /// libpng checks what the test above relies on: a wrong checksum or length is an error there.
  @Test func libpngSeesADamagedPicture() throws {
    let folder = try TemporaryFolder()
    var file = try #require(PNG.encode(pixels: [1, 2, 3, 4], channels: 1, height: 2, width: 2))
    file[45] ^= 1
    let path = try folder.write("picture.png", file)
    #expect(throws: DatasetError.self) { try PixelImage(path: path) }
  }
}
