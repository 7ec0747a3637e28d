// What wrappers do with gradients: read them beside other streams, and replace them.

import COptPlug

extension Piece {
  /// Whether the piece's parameter has a gradient in this step. Always, but for wrappers of all parameters.
  @inline(__always) public var hasGradient: Bool { gradient != nil }

  /// Calls `body` with the weight, the scaled gradient and the element of one stream at each place of a piece that has
  /// a gradient.
  @inline(__always) public func forEachWithGradient(
    _ a: Stream<S>, _ body: (_ p: inout S, _ g: S, _ a: inout S) -> Void
  ) {
    let (p, g, a) = (parameter.elements, gradient.unsafelyUnwrapped, a.elements)
    for i in 0..<count { body(&p[i], gradient(g, i), &a[i]) }
  }

  /// Calls `body` with the elements of three streams at each place.
  @inline(__always) public func forEach(
    _ a: Stream<S>, _ b: Stream<S>, _ c: Stream<S>, _ body: (_ a: inout S, _ b: inout S, _ c: inout S) -> Void
  ) {
    let (a, b, c) = (a.elements, b.elements, c.elements)
    for i in 0..<count { body(&a[i], &b[i], &c[i]) }
  }
}

/// A piece with room for the gradient that the base is to get.
public struct GradientChange<S: Scalar> {
  /// Weights, slots and the gradient before the change.
  public let piece: Piece<S>
  /// Size of the tensor's first axis, 1 for a single number: rows of a whole tensor. Meaningless for a wrapper that
  /// does not see whole tensors.
  public let rows: Int
  let result: UnsafeMutablePointer<S>

  /// Sets every element of the base's gradient.
  @inline(__always) public func setAll(_ value: (_ p: S, _ g: S) -> S) {
    let (p, g) = (piece.parameter.elements, piece.gradient.unsafelyUnwrapped)
    for i in 0..<piece.count { result[i] = value(p[i], g[i] * piece.gradientScale) }
  }

  /// Gives the base the gradient as it is.
  @inline(__always) public func passOn() { setAll { _, g in g } }

  /// Elements of a row.
  @inline(__always) public var rowLength: Int { rows > 0 ? piece.count / rows : 0 }

  /// The mean of a row of the gradient, summed in double and rounded once.
  @inline(__always) public func mean(ofRow row: Int) -> S {
    let length = rowLength
    let g = piece.gradient.unsafelyUnwrapped + row * length
    return S(laneSum(length) { S.double(g[$0] * piece.gradientScale) } / Double(length))
  }

  /// Sets every element of a row of the base's gradient.
  @inline(__always) public func set(row: Int, _ value: (_ g: S) -> S) {
    let length = rowLength
    let (g, result) = (piece.gradient.unsafelyUnwrapped + row * length, result + row * length)
    for i in 0..<length { result[i] = value(g[i] * piece.gradientScale) }
  }
}

/// The sum of `value` at each place below `count`, as eight running sums: one alone would wait for each addition.
@inline(__always) private func laneSum(_ count: Int, _ value: (Int) -> Double) -> Double {
  var lanes = SIMD8<Double>()
  let whole = count - count % 8
  for i in stride(from: 0, to: whole, by: 8) {
    for lane in 0..<8 { lanes[lane] += value(i + lane) }
  }
  for i in whole..<count { lanes[i - whole] += value(i) }
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
}
