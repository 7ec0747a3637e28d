// What an author of an optimizer states whose update needs numbers of whole tensors, such as norms.

/// A formula whose update of an element depends on numbers to which all elements of its tensor contribute.
///
/// A step sweeps over every tensor twice. In the first sweep `collect` sees each piece once and leaves numbers, which
/// are reduced over the tensor; it may write slots, but not weights. In the second one `learn` gets the tensor's
/// numbers and `apply` updates, by the protocol for the formula's number of slots:
/// ```swift
/// struct Normalized<S: Scalar>: ReducingFormula, StatelessFormula {
///   …
///   static var reductions: [Reduction] { [.sum] }
///   func collect(from piece: Piece<S>, into partials: Partials) {
///     piece.collect(into: partials) { p, g in S.double(g) * S.double(g) }
///   }
///   mutating func learn(_ tensor: ReducedTensor) { stepSize = S(lr / tensor[0].squareRoot()) }
///   func update(_ p: inout S, _ g: S) { p = p - stepSize * g }
/// }
/// ```
/// Numbers are added in double, in an order that depends on the tensor's length alone.
public protocol ReducingFormula: Formula {
  /// How each number that is collected is reduced over a tensor; 1 to 64 of them.
  static var reductions: [Reduction] { get }
  /// Collects a piece's part of every number, through `piece.collect`.
  func collect(from piece: Piece<S>, into partials: Partials)
  /// Takes in what was collected from the tensor that is updated next.
  mutating func learn(_ tensor: ReducedTensor)
}

/// How numbers of many elements become one.
public enum Reduction {
  case sum
  /// The greatest of magnitudes: numbers below 0 count as 0.
  case maximum
}

/// What the first sweep came to for one tensor.
public struct ReducedTensor {
  /// How many sizes its shape has: 2 or more for weights of layers, mostly 1 for biases and scales.
  public let dimensions: Int
  private let numbers: UnsafePointer<Double>

  @inline(__always) init(dimensions: Int, _ numbers: UnsafePointer<Double>) {
    self.dimensions = dimensions
    self.numbers = numbers
  }

  /// The number at `index` of the author's reductions.
  @inline(__always) public subscript(index: Int) -> Double { numbers[index] }
}
