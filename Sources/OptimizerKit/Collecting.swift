// The loops of a first sweep: numbers of each element, reduced over a piece in a fixed order.

import COptPlug

/// Where a first sweep leaves the numbers of one piece.
public struct Partials {
  /// One for each reduction.
  let totals: UnsafeMutablePointer<Double>
  /// Room for two numbers of each of `chunk` elements.
  let terms: UnsafeMutablePointer<Double>
  let reductions: [Reduction]

  /// Elements whose numbers are written out before they are added up: a loop that only computes and stores
  /// vectorises whatever the formula is.
  static let chunk = 256
  /// Bytes at `terms`.
  static let bytes = 2 * chunk * MemoryLayout<Double>.stride

  /// Reduces one chunk of terms into lanes.
  @inline(__always) fileprivate func add(
    _ terms: UnsafeMutablePointer<Double>, to lanes: inout Lanes, _ reduction: Reduction
  ) {
    switch reduction {
    case .sum: lanes.reduce(terms) { a, b in a + b }
    case .maximum: lanes.reduce(terms, greater)
    }
  }

  /// Reduces the lanes into the total at `index`.
  @inline(__always) fileprivate func finish(_ lanes: Lanes, at index: Int, _ reduction: Reduction) {
    switch reduction {
    case .sum: totals[index] += lanes.combined { a, b in a + b }.sum()
    case .maximum:
      let eight = lanes.combined(greater)
      for i in 0..<8 { totals[index] = greater(SIMD8(repeating: totals[index]), eight)[i] }
    }
  }
}

/// 32 running results, so that operations do not wait for one another.
private struct Lanes {
  var a = SIMD8<Double>()
  var b = SIMD8<Double>()
  var c = SIMD8<Double>()
  var d = SIMD8<Double>()

  @inline(__always) mutating func reduce(
    _ terms: UnsafeMutablePointer<Double>, _ operation: (SIMD8<Double>, SIMD8<Double>) -> SIMD8<Double>
  ) {
    let eights = UnsafeRawPointer(terms).assumingMemoryBound(to: SIMD8<Double>.self)
    for i in 0..<(Partials.chunk / 32) {
      a = operation(a, eights[4 * i])
      b = operation(b, eights[4 * i + 1])
      c = operation(c, eights[4 * i + 2])
      d = operation(d, eights[4 * i + 3])
    }
  }

  @inline(__always) func combined(_ operation: (SIMD8<Double>, SIMD8<Double>) -> SIMD8<Double>)
    -> SIMD8<Double>
  { operation(operation(a, b), operation(c, d)) }
}

/// The greater of each two; not a number where either is none.
@inline(__always) private func greater(_ a: SIMD8<Double>, _ b: SIMD8<Double>) -> SIMD8<Double> {
  a.replacing(with: b, where: .!(b .<= a) .& (a .== a))
}

extension Piece {
  /// Collects a number of each element, by its weight and gradient, into the reduction at `index`.
  @inline(__always) public func collect(
    into partials: Partials, at index: Int = 0, _ term: (_ p: S, _ g: S) -> Double
  ) {
    let (p, g) = (parameter.elements, gradient.unsafelyUnwrapped)
    collectOne(into: partials, at: index) { i in term(p[i], gradient(g, i)) }
  }

  /// Collects two numbers of each element, by its weight and gradient, into the reductions from `index` on.
  @inline(__always) public func collect(
    into partials: Partials, at index: Int = 0, _ terms: (_ p: S, _ g: S) -> (Double, Double)
  ) {
    let (p, g) = (parameter.elements, gradient.unsafelyUnwrapped)
    collectTwo(into: partials, at: index) { i in terms(p[i], gradient(g, i)) }
  }

  /// Likewise, with slot 0, whose element `advance` brings up to this step before.
  @inline(__always) public func collect(
    into partials: Partials, at index: Int = 0, advancing advance: (_ p: S, _ g: S, _ a: inout S) -> Void,
    _ terms: (_ p: S, _ g: S, _ a: S) -> (Double, Double)
  ) {
    let (p, g, a) = (parameter.elements, gradient.unsafelyUnwrapped, slot(0).elements)
    collectTwo(
      into: partials, at: index, advancing: { i in advance(p[i], gradient(g, i), &a[i]) },
      { i in terms(p[i], gradient(g, i), a[i]) })
  }

  /// Likewise, with slots 0 and 1.
  @inline(__always) public func collect(
    into partials: Partials, at index: Int = 0,
    advancing advance: (_ p: S, _ g: S, _ a: inout S, _ b: inout S) -> Void,
    _ terms: (_ p: S, _ g: S, _ a: S, _ b: S) -> (Double, Double)
  ) {
    let (p, g, a, b) = (parameter.elements, gradient.unsafelyUnwrapped, slot(0).elements, slot(1).elements)
    collectTwo(
      into: partials, at: index, advancing: { i in advance(p[i], gradient(g, i), &a[i], &b[i]) },
      { i in terms(p[i], gradient(g, i), a[i], b[i]) })
  }

  @inline(__always) private func collectOne(
    into partials: Partials, at index: Int, _ term: (Int) -> Double
  ) {
    let x = partials.terms
    forEachStretch { stretch in
      var lanes = Lanes()
      forEachChunk(of: stretch) { first, count in
        for i in 0..<count { x[i] = term(first + i) }
        for i in count..<Partials.chunk { x[i] = 0 }
        partials.add(x, to: &lanes, partials.reductions[index])
      }
      partials.finish(lanes, at: index, partials.reductions[index])
    }
  }

  // Two loops for each chunk: one that wrote slots and terms would have more streams than the compiler checks for
  // overlap before it vectorises.
  @inline(__always) private func collectTwo(
    into partials: Partials, at index: Int, advancing advance: (Int) -> Void = { _ in },
    _ terms: (Int) -> (Double, Double)
  ) {
    let (x, y) = (partials.terms, partials.terms + Partials.chunk)
    forEachStretch { stretch in
      var (first, second) = (Lanes(), Lanes())
      forEachChunk(of: stretch) { start, count in
        for i in start..<start + count { advance(i) }
        for i in 0..<count { (x[i], y[i]) = terms(start + i) }
        for i in count..<Partials.chunk { (x[i], y[i]) = (0, 0) }
        partials.add(x, to: &first, partials.reductions[index])
        partials.add(y, to: &second, partials.reductions[index + 1])
      }
      partials.finish(first, at: index, partials.reductions[index])
      partials.finish(second, at: index + 1, partials.reductions[index + 1])
    }
  }

  /// A host that cuts tensors cuts them at these lengths; where a tensor comes as a whole, because of a wrapper, the
  /// same stretches give the same bits.
  @inline(__always) private func forEachStretch(_ body: (Range<Int>) -> Void) {
    var start = 0
    while start < count {
      let end = min(start + Int(OPTPLUG_REDUCTION_LENGTH), count)
      body(start..<end)
      start = end
    }
  }

  @inline(__always) private func forEachChunk(
    of stretch: Range<Int>, _ body: (_ first: Int, _ count: Int) -> Void
  ) {
    var first = stretch.lowerBound
    while first < stretch.upperBound {
      body(first, min(Partials.chunk, stretch.upperBound - first))
      first += Partials.chunk
    }
  }
}
