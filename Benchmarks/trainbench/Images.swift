// The images that every contender trains on: numbers from a formula, so that nothing has to be read.

import ConvNet
import Datasets

extension TrainingCase {
  static let classes = 10

  var architecture: Architecture {
    get throws {
      guard let found = Architecture(name: network) else {
        let names = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
        throw Refusal("there is no network '\(network)': say one of \(names)")
      }
      return found
    }
  }

  /// `count` images of noise with labels of noise; the peers have the same formula.
  func images(_ count: Int) -> LabeledImages {
    let shape = ImageShape(channels: channels, height: size, width: size)
    func byte(_ index: Int) -> UInt8 {
      let word = UInt32(truncatingIfNeeded: index) &* 2_654_435_761
      return UInt8(truncatingIfNeeded: ((word ^ (word >> 15)) &* 2_246_822_519) >> 24)
    }
    return LabeledImages(
      shape: shape, pixels: (0..<count * shape.count).map(byte),
      labels: (0..<count).map { byte($0 + 1_000_003) % UInt8(Self.classes) })
  }

  /// Pixels become -1…1.
  var standardization: Standardization {
    Standardization(
      mean: [Float](repeating: 0.5, count: channels),
      deviation: [Float](repeating: 0.5, count: channels))
  }
}
