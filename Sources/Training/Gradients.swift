// Loops over a network's gradients: sums of several batches, clipping by value and by the norm of the weights.

import ConvNet

/// All gradients of a network, in pieces that several threads work on. Every piece is computed by itself, so any
/// number of threads gives the same bits.
final class Gradients {
  /// Whole rows of a parameter; a row is what one output of a layer is made from, or all of a tensor of one dimension.
  private struct Piece {
    let values, gradient: UnsafeMutablePointer<Float>
    /// Of the piece's first element, in the slab of sums.
    let offset: Int
    let rows, rowLength: Int
    let isInLastLayer: Bool

    var count: Int { rows * rowLength }
  }

  /// About how many elements a piece has.
  private static let grain = 16_384

  private let pieces: [Piece]
  private let elements: Int
  private var sums: UnsafeMutableBufferPointer<Float>?
  /// Whose memory the pieces lie in, and whose threads work on them.
  private let network: Network

  init(of network: Network) {
    self.network = network
    let parameters = network.parameters
    // A layer's name is its parameters' without the last word.
    func layer(_ name: String) -> Substring { name[..<(name.lastIndex(of: ".") ?? name.startIndex)] }
    let last = parameters.last.map { layer($0.name) }
    var pieces: [Piece] = []
    var elements = 0
    for parameter in parameters {
      guard let values = parameter.values.baseAddress, let gradient = parameter.gradient.baseAddress else {
        continue
      }
      let count = parameter.values.count
      let rows = parameter.shape.count > 1 ? parameter.shape[0] : 1
      let rowLength = count / max(1, rows)
      let step = max(1, Self.grain / max(1, rowLength))
      for first in stride(from: 0, to: rows, by: step) {
        let start = first * rowLength
        pieces.append(
          Piece(
            values: values + start, gradient: gradient + start, offset: elements + start,
            rows: min(step, rows - first), rowLength: rowLength,
            isInLastLayer: layer(parameter.name) == last))
      }
      elements += count
    }
    self.pieces = pieces
    self.elements = elements
  }

  deinit { sums?.deallocate() }

  private func forEachPiece(_ body: (Piece) -> Void) {
    network.forRanges(pieces.count, cost: elements / max(1, pieces.count)) { range in
      for piece in pieces[range] { body(piece) }
    }
  }

  /// Adds `weight` times the gradients to the sums, which start anew where `isFirst`.
  func add(weight: Int, isFirst: Bool) {
    let sums = sums ?? .allocate(capacity: elements)
    self.sums = sums
    guard let start = sums.baseAddress else { return }
    let weight = Float(weight)
    forEachPiece { piece in
      let sum = start + piece.offset
      if isFirst {
        for index in 0..<piece.count { sum[index] = weight * piece.gradient[index] }
      } else {
        for index in 0..<piece.count { sum[index] += weight * piece.gradient[index] }
      }
    }
  }

  /// Puts the sums, divided by `count`, into the gradients.
  func finishMean(count: Int) {
    guard let start = sums?.baseAddress else { return }
    let count = Float(count)
    forEachPiece { piece in
      let sum = start + piece.offset
      for index in 0..<piece.count { piece.gradient[index] = sum[index] / count }
    }
  }

  /// Brings every element into −limit…limit; what is not a number stays so.
  func clip(toValue limit: Double) {
    let limit = Float(limit)
    forEachPiece { piece in
      for index in 0..<piece.count {
        let value = piece.gradient[index]
        piece.gradient[index] = value > limit ? limit : value < -limit ? -limit : value
      }
    }
  }

  /// Scales each row down to a norm of `factor · max(norm of its weights, 1e-3)`, but for the last layer's.
  func clipAdaptively(factor: Double) {
    forEachPiece { piece in
      guard !piece.isInLastLayer else { return }
      for row in 0..<piece.rows {
        let gradient = piece.gradient + row * piece.rowLength
        let limit = factor * max(Self.norm(piece.values + row * piece.rowLength, piece.rowLength), 1e-3)
        let norm = Self.norm(gradient, piece.rowLength)
        if norm < limit { continue }
        let scale = Float(limit / max(norm, 1e-6))
        for index in 0..<piece.rowLength { gradient[index] *= scale }
      }
    }
  }

  /// The Euclidean norm, summed in double in an order that depends on the length alone.
  private static func norm(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
    var sums = SIMD8<Double>.zero
    let raw = UnsafeRawPointer(values)
    let whole = count & ~7
    for index in stride(from: 0, to: whole, by: 8) {
      let wide = SIMD8<Double>(raw.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self))
      sums += wide * wide
    }
    var rest = 0.0
    for index in whole..<count { rest += Double(values[index]) * Double(values[index]) }
    return (sums.sum() + rest).squareRoot()
  }
}
