// Reference layers of the later networks, in plain double precision.

import Foundation

/// A window for each channel.
func convolveDepthwise(
  _ input: Reference, _ weight: Reference, bias: [Double]?, stride: Int, padding: Int
) -> Reference {
  let size = weight.shape[2]
  func extent(_ length: Int) -> Int { (length + 2 * padding - size) / stride + 1 }
  return .images(input.shape[..<2] + [extent(input.shape[2]), extent(input.shape[3])]) { n, c, y, x in
    var sum = bias?[c] ?? 0
    for row in 0..<size {
      for column in 0..<size {
        sum +=
          weight[c, 0, row, column]
          * input.padded(n, c, y * stride + row - padding, x * stride + column - padding)
      }
    }
    return sum
  }
}

func gelu(_ x: Double) -> Double { x * erfc(-x / 2.0.squareRoot()) / 2 }
func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

/// Over the channels of each pixel.
func normalizeChannels(_ input: Reference, scale: [Double], shift: [Double]) -> Reference {
  let channels = input.shape[1]
  return .images(input.shape) { n, c, y, x in
    let values = (0..<channels).map { input[n, $0, y, x] }
    let mean = values.reduce(0, +) / Double(channels)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channels)
    return (input[n, c, y, x] - mean) / (variance + 1e-6).squareRoot() * scale[c] + shift[c]
  }
}

/// Each channel times a factor of its own in each image, `[N, C]`, or the same in all, `[C]`.
func scaleChannels(_ input: Reference, _ factors: [Double]) -> Reference {
  let byImage = factors.count > input.shape[1]
  return .images(input.shape) { n, c, y, x in
    input[n, c, y, x] * factors[byImage ? n * input.shape[1] + c : c]
  }
}

func pad(_ input: Reference, height: Int, width: Int) -> Reference {
  let (top, left) = ((height - input.shape[2]) / 2, (width - input.shape[3]) / 2)
  return .images(input.shape[..<2] + [height, width]) { n, c, y, x in input.padded(n, c, y - top, x - left) }
}
