// How Muon sees a tensor as a matrix, what it works in, and how its loops are cut.

import OptimizerKit

/// The matrix of a tensor with two dimensions or more: the first one, and all others together.
struct Workspace<S: Scalar> {
  let rows, columns: Int
  var isTall: Bool { rows > columns }
  /// Rows and columns of the products with itself.
  var side: Int { min(rows, columns) }

  /// Elements that one part of a loop covers. The bits depend on it, so it is the same for every host.
  private static var stripeLength: Int { 16_384 }

  /// - Parameter shape: with at least one element.
  init(_ shape: TensorShape) {
    rows = shape[0]
    columns = shape.count / shape[0]
  }

  private var count: Int { rows * columns }

  /// What `lr` is multiplied by: `original`.
  var ratio: Double { max(1, Double(rows) / Double(columns)).squareRoot() }
  /// `match_rms_adamw`.
  var ratioOfAdamW: Double { 0.2 * Double(max(rows, columns)).squareRoot() }

  func matrix(_ elements: UnsafeMutablePointer<S>) -> Matrix<S> {
    Matrix(elements, rows: rows, columns: columns)
  }
  func square(_ elements: UnsafeMutablePointer<S>) -> Matrix<S> {
    Matrix(elements, rows: side, columns: side)
  }

  /// Parts of a loop over the matrix.
  var stripes: Int { (count + Self.stripeLength - 1) / Self.stripeLength }
  func stripe(_ part: Int) -> Range<Int> {
    let start = part * Self.stripeLength
    return start..<min(start + Self.stripeLength, count)
  }

  /// Parts of a loop over the rows of a product with itself.
  var squareStripes: Int { (side + rowsOfPart - 1) / rowsOfPart }
  private var rowsOfPart: Int { max(1, Self.stripeLength / side) }
  func squareRows(_ part: Int) -> Range<Int> {
    let start = part * rowsOfPart
    return start..<min(start + rowsOfPart, side)
  }

  /// Working memory.
  struct Arrays {
    let x, gram, polynomial: UnsafeMutablePointer<S>
    fileprivate let y: UnsafeMutablePointer<S>
    /// Per stripe.
    let sums: UnsafeMutablePointer<Double>
    /// What every element of a loop is divided or multiplied by.
    let constant: UnsafeMutablePointer<S>

    /// The matrix after so many iterations, and where the next one goes: they take turns.
    func xAndY(_ iteration: Int) -> (x: UnsafeMutablePointer<S>, y: UnsafeMutablePointer<S>) {
      iteration % 2 == 0 ? (x, y) : (y, x)
    }
  }

  var bytes: Int {
    2 * Scratch.bytes(S.self, count) + 2 * Scratch.bytes(S.self, side * side)
      + Scratch.bytes(Double.self, stripes)
      + Scratch.bytes(S.self, 1)
  }

  func take(_ scratch: Scratch) -> Arrays {
    var scratch = scratch
    let (x, y) = (scratch.take(S.self, count), scratch.take(S.self, count))
    let (gram, polynomial) = (scratch.take(S.self, side * side), scratch.take(S.self, side * side))
    return Arrays(
      x: x, gram: gram, polynomial: polynomial, y: y, sums: scratch.take(Double.self, stripes),
      constant: scratch.take(S.self, 1))
  }
}
