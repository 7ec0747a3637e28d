// Boxes of pixels that are covered or replaced, and how large they are drawn.

import Foundation

/// Rows and columns of an image.
struct PixelBox: Hashable {
  let rows, columns: Range<Int>

  /// Pixels in it.
  var area: Int { rows.count * columns.count }

  /// A box of a size around a centre, clipped to the image.
  init(height: Int, width: Int, centreRow: Int, centreColumn: Int, in shape: ImageShape) {
    func range(_ size: Int, _ centre: Int, _ limit: Int) -> Range<Int> {
      let start = centre - size / 2
      return min(limit, max(0, start))..<min(limit, max(0, start + size))
    }
    rows = range(height, centreRow, shape.height)
    columns = range(width, centreColumn, shape.width)
  }

  /// A square whose centre is any pixel of the image.
  static func cutout(side: Int, _ shape: ImageShape, _ random: inout SplitMix64) -> PixelBox {
    PixelBox(
      height: side, width: side, centreRow: random.below(shape.height),
      centreColumn: random.below(shape.width), in: shape)
  }

  /// A box of the image's proportions with 1 − `share` of its pixels, whose centre is any pixel of the image.
  static func cutmix(share: Double, _ shape: ImageShape, _ random: inout SplitMix64) -> PixelBox {
    let scale = max(0, 1 - share).squareRoot()
    return PixelBox(
      height: Int(Double(shape.height) * scale), width: Int(Double(shape.width) * scale),
      centreRow: random.below(shape.height), centreColumn: random.below(shape.width), in: shape)
  }

  /// Calls `body` with the first element and the number of elements of each row in each channel.
  func forEachRow(of shape: ImageShape, _ body: (Int, Int) -> Void) {
    for channel in 0..<shape.channels {
      for row in rows {
        body((channel * shape.height + row) * shape.width + columns.lowerBound, columns.count)
      }
    }
  }
}

extension SplitMix64 {
  /// Beta(alpha, alpha) distributed, 0…1: the share of one of two equal gamma distributed numbers in their sum.
  mutating func beta(_ alpha: Double) -> Double {
    // For a small alpha both underflow, so the comparison is of logarithms.
    let (first, second) = (logarithmOfGamma(alpha), logarithmOfGamma(alpha))
    return 1 / (1 + exp(second - first))
  }

  /// The logarithm of a number that is Gamma(shape, 1) distributed, for `shape` above 0.
  ///
  /// Source: G. Marsaglia, W. W. Tsang, *A simple method for generating gamma variables*, 2000,
  /// <https://doi.org/10.1145/358407.358414>; for a shape below 1, that of shape + 1 times U^(1/shape).
  private mutating func logarithmOfGamma(_ shape: Double) -> Double {
    if shape < 1 { return logarithmOfGamma(shape + 1) + log(1 - uniform()) / shape }
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0, log(1 - uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return log(d) + log(v) }
    }
  }

  /// Normal with mean 0 and deviation 1 (G. E. P. Box, M. E. Muller 1958).
  private mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * Double.pi * uniform())
  }
}
