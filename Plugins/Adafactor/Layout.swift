// How Adafactor sees a tensor, what it works in, and how its loops are cut.

import OptimizerKit

/// A stack of matrices, or a plain list of elements. The cuts depend on the shape alone, and so do the bits.
struct Layout {
  let isFactored: Bool
  /// Of each matrix.
  let rows, columns: Int
  /// In the stack.
  let matrices: Int
  private let count: Int

  /// Elements that one part of a loop covers, more or less.
  private static let partLength = 16_384
  /// Columns of a large matrix that one part covers.
  private static let blockLength = 512

  /// - Parameter shape: with at least one element.
  init(_ shape: TensorShape) {
    isFactored = shape.dimensions >= 2
    count = shape.count
    rows = isFactored ? shape[shape.dimensions - 2] : 1
    columns = isFactored ? shape[shape.dimensions - 1] : count
    matrices = count / (rows * columns)
  }

  /// Sizes of the slots for rows and for columns; nil for a tensor without them.
  static func factors(of shape: TensorShape) -> (row: [Int], column: [Int])? {
    let dimensions = shape.dimensions
    guard dimensions >= 2 else { return nil }
    var stack = (0..<(dimensions - 2)).map { shape[$0] }
    // A slot has eight sizes at most.
    if stack.count > 7 { stack = [stack.reduce(1, *)] }
    return (stack + [shape[dimensions - 2]], stack + [shape[dimensions - 1]])
  }

  /// Parts of a loop over the elements: whole rows where there are rows.
  var stripes: Int {
    isFactored
      ? (matrices * rows + rowsOfPart - 1) / rowsOfPart : (count + Self.partLength - 1) / Self.partLength
  }
  private var rowsOfPart: Int { max(1, Self.partLength / columns) }

  /// Rows of all matrices, counted through.
  func rowRange(_ part: Int) -> Range<Int> {
    let start = part * rowsOfPart
    return start..<min(start + rowsOfPart, matrices * rows)
  }

  func elements(_ part: Int) -> Range<Int> {
    if isFactored {
      let rows = rowRange(part)
      return (rows.lowerBound * columns)..<(rows.upperBound * columns)
    }
    let start = part * Self.partLength
    return start..<min(start + Self.partLength, count)
  }

  /// Parts of a loop over the columns: a block of a large matrix, or some small matrices.
  var columnParts: Int {
    isLarge ? matrices * blocks : (matrices + matricesOfPart - 1) / matricesOfPart
  }
  private var isLarge: Bool { rows * columns >= Self.partLength }
  private var blocks: Int { (columns + Self.blockLength - 1) / Self.blockLength }
  private var matricesOfPart: Int { max(1, Self.partLength / (rows * columns)) }

  func columnRange(_ part: Int) -> (matrices: Range<Int>, columns: Range<Int>) {
    if isLarge {
      let (matrix, start) = (part / blocks, part % blocks * Self.blockLength)
      return (matrix..<(matrix + 1), start..<min(start + Self.blockLength, columns))
    }
    let start = part * matricesOfPart
    return (start..<min(start + matricesOfPart, matrices), 0..<columns)
  }
}

/// Working memory.
struct Workspace<S: Scalar> {
  /// Per stripe.
  let sums: UnsafeMutablePointer<Double>
  /// By which the direction is multiplied.
  let constant: UnsafeMutablePointer<S>
  /// Per column of every matrix.
  let columnSums: UnsafeMutablePointer<Double>
  /// Per matrix, the mean of its rows' means, eps1 at least.
  let rowMeans: UnsafeMutablePointer<S>

  init(_ layout: Layout, _ scratch: Scratch) {
    var scratch = scratch
    sums = scratch.take(Double.self, layout.stripes)
    constant = scratch.take(S.self, 1)
    columnSums = scratch.take(Double.self, layout.isFactored ? layout.matrices * layout.columns : 0)
    rowMeans = scratch.take(S.self, layout.isFactored ? layout.matrices : 0)
  }

  static func bytes(_ layout: Layout) -> Int {
    Scratch.bytes(Double.self, layout.stripes) + Scratch.bytes(S.self, 1)
      + (layout.isFactored
        ? Scratch.bytes(Double.self, layout.matrices * layout.columns)
          + Scratch.bytes(S.self, layout.matrices) : 0)
  }
}
