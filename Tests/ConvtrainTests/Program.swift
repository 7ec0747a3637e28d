// Data sets as files, for runs of the real convtrain.

import Datasets
import Foundation
import TestSupport

extension Program {
  /// Writes a data set as IDX files into a subfolder.
  func writeIDX(_ dataset: Dataset, to name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: false)
    for (part, images) in [("train", dataset.train), ("t10k", dataset.test)] {
      let sizes = [images.count, images.shape.height, images.shape.width]
      try write(
        [0, 0, 8, 3] + sizes.flatMap(bigEndian) + images.pixels, to: "\(name)/\(part)-images-idx3-ubyte")
      try write(
        [0, 0, 8, 1] + bigEndian(images.count) + images.labels, to: "\(name)/\(part)-labels-idx1-ubyte")
    }
  }

  private func bigEndian(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }
}
