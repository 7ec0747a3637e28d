// Layers in plain double precision, written for clarity: what the device's results are compared with.

import Foundation

/// A tensor of doubles in row-major order.
struct Reference {
  var shape: [Int]
  var values: [Double]

  init(_ shape: [Int], _ values: [Double]) {
    precondition(shape.reduce(1, *) == values.count)
    self.shape = shape
    self.values = values
  }

  subscript(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double {
    values[((n * shape[1] + c) * shape[2] + y) * shape[3] + x]
  }

  /// Zero outside of the image.
  func padded(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double {
    0..<shape[2] ~= y && 0..<shape[3] ~= x ? self[n, c, y, x] : 0
  }

  func map(_ body: (Double) -> Double) -> Reference { Reference(shape, values.map(body)) }

  /// An image tensor made element by element.
  static func images(_ shape: [Int], _ body: (Int, Int, Int, Int) -> Double) -> Reference {
    var values: [Double] = []
    for n in 0..<shape[0] {
      for c in 0..<shape[1] {
        for y in 0..<shape[2] { for x in 0..<shape[3] { values.append(body(n, c, y, x)) } }
      }
    }
    return Reference(shape, values)
  }
}

func convolve(
  _ input: Reference, _ weight: Reference, bias: [Double]?, stride: Int, padding: Int
) -> Reference {
  let size = weight.shape[2]
  func extent(_ length: Int) -> Int { (length + 2 * padding - size) / stride + 1 }
  let shape = [input.shape[0], weight.shape[0], extent(input.shape[2]), extent(input.shape[3])]
  return .images(shape) { n, o, y, x in
    var sum = bias?[o] ?? 0
    for i in 0..<input.shape[1] {
      for row in 0..<size {
        for column in 0..<size {
          sum +=
            weight[o, i, row, column]
            * input.padded(n, i, y * stride + row - padding, x * stride + column - padding)
        }
      }
    }
    return sum
  }
}

func dense(_ input: Reference, _ weight: Reference, _ bias: [Double]) -> Reference {
  let (rows, inputs, outputs) = (input.shape[0], input.shape[1], weight.shape[0])
  var values: [Double] = []
  for row in 0..<rows {
    for output in 0..<outputs {
      values.append(
        (0..<inputs).reduce(bias[output]) {
          $0 + input.values[row * inputs + $1] * weight.values[output * inputs + $1]
        })
    }
  }
  return Reference([rows, outputs], values)
}

/// Means and biased variances of the channels.
func statistics(_ input: Reference) -> (mean: [Double], variance: [Double]) {
  var (means, variances): ([Double], [Double]) = ([], [])
  for c in 0..<input.shape[1] {
    var channel: [Double] = []
    for n in 0..<input.shape[0] {
      for y in 0..<input.shape[2] { for x in 0..<input.shape[3] { channel.append(input[n, c, y, x]) } }
    }
    let mean = channel.reduce(0, +) / Double(channel.count)
    means.append(mean)
    variances.append(channel.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(channel.count))
  }
  return (means, variances)
}

func normalize(
  _ input: Reference, mean: [Double], variance: [Double], scale: [Double], shift: [Double]
) -> Reference {
  .images(input.shape) { n, c, y, x in
    (input[n, c, y, x] - mean[c]) / (variance[c] + 1e-5).squareRoot() * scale[c] + shift[c]
  }
}

func normalize(_ input: Reference, scale: [Double], shift: [Double]) -> Reference {
  let (mean, variance) = statistics(input)
  return normalize(input, mean: mean, variance: variance, scale: scale, shift: shift)
}

func rectify(_ input: Reference, slope: Double = 0) -> Reference { input.map { $0 < 0 ? $0 * slope : $0 } }

func maxPool(_ input: Reference, size: Int, stride: Int, padding: Int) -> Reference {
  func extent(_ length: Int) -> Int { (length + 2 * padding - size) / stride + 1 }
  return .images(input.shape[..<2] + [extent(input.shape[2]), extent(input.shape[3])]) { n, c, y, x in
    var best = -Double.infinity
    for row in 0..<size {
      for column in 0..<size {
        let (top, left) = (y * stride + row - padding, x * stride + column - padding)
        if 0..<input.shape[2] ~= top && 0..<input.shape[3] ~= left {
          best = max(best, input[n, c, top, left])
        }
      }
    }
    return best
  }
}

/// Padding counts as zeros.
func averagePool(_ input: Reference, size: Int, stride: Int, padding: Int) -> Reference {
  func extent(_ length: Int) -> Int { (length + 2 * padding - size) / stride + 1 }
  return .images(input.shape[..<2] + [extent(input.shape[2]), extent(input.shape[3])]) { n, c, y, x in
    var sum = 0.0
    for row in 0..<size {
      for column in 0..<size {
        sum += input.padded(n, c, y * stride + row - padding, x * stride + column - padding)
      }
    }
    return sum / Double(size * size)
  }
}

func average(_ input: Reference) -> Reference {
  let area = input.shape[2] * input.shape[3]
  let values = (0..<input.shape[0] * input.shape[1]).map { plane in
    input.values[plane * area..<(plane + 1) * area].reduce(0, +) / Double(area)
  }
  return Reference(Array(input.shape[..<2]), values)
}

func add(_ left: Reference, _ right: Reference) -> Reference {
  Reference(left.shape, zip(left.values, right.values).map(+))
}

/// Sum of the cross-entropies of the rows.
func crossEntropy(_ logits: Reference, _ labels: [Int32]) -> Double {
  let classes = logits.shape[1]
  return labels.enumerated().reduce(0) { sum, item in
    let row = logits.values[item.offset * classes..<(item.offset + 1) * classes]
    let largest = row.max() ?? 0
    let total = row.reduce(0) { $0 + exp($1 - largest) }
    return sum + log(total) + largest - logits.values[item.offset * classes + Int(item.element)]
  }
}
