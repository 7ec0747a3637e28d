// The loops: streams of elements of one piece of a parameter, walked by a formula.

/// Consecutive elements of a parameter, its gradient or a slot, inside the piece being updated.
public struct Stream<S: Scalar> {
  let elements: UnsafeMutablePointer<S>

  @inline(__always) init(_ elements: UnsafeMutableRawPointer) {
    self.elements = elements.assumingMemoryBound(to: S.self)
  }
}

/// A piece of one parameter: what a formula updates in one go.
///
/// Streams never overlap. `forEach` visits every element once, in any order, and vectorises: its body must
/// only compute, through `Scalar`.
public struct Piece<S: Scalar> {
  /// Elements in every stream.
  public let count: Int
  /// The weights.
  public let parameter: Stream<S>
  let gradient: UnsafePointer<S>?
  let gradientScale: S
  let slots: UnsafePointer<UnsafeMutableRawPointer?>?
  let borrowedSlots: Int

  /// The slot at `index` in the author's list.
  @inline(__always) public func slot(_ index: Int) -> Stream<S> {
    Stream(slots.unsafelyUnwrapped[index].unsafelyUnwrapped)
  }

  /// Calls `body` with the elements of two streams at each place.
  @inline(__always) public func forEach(
    _ a: Stream<S>, _ b: Stream<S>, _ body: (_ a: inout S, _ b: inout S) -> Void
  ) {
    let (a, b) = (a.elements, b.elements)
    for i in 0..<count { body(&a[i], &b[i]) }
  }

  /// Calls `body` with each element of a stream.
  @inline(__always) public func forEach(_ a: Stream<S>, _ body: (_ a: inout S) -> Void) {
    let a = a.elements
    for i in 0..<count { body(&a[i]) }
  }

  // The scaled gradient is rounded to S before use, as a host does for plugins that do not scale.
  @inline(__always) func gradient(_ g: UnsafePointer<S>, _ i: Int) -> S { g[i] * gradientScale }

  @inline(__always) func withoutSlots(_ body: (inout S, S) -> Void) {
    let (p, g) = (parameter.elements, gradient.unsafelyUnwrapped)
    for i in 0..<count { body(&p[i], gradient(g, i)) }
  }

  @inline(__always) func withOneSlot(_ body: (inout S, S, inout S) -> Void) {
    let (p, g, a) = (parameter.elements, gradient.unsafelyUnwrapped, slot(0).elements)
    for i in 0..<count { body(&p[i], gradient(g, i), &a[i]) }
  }

  @inline(__always) func withTwoSlots(_ body: (inout S, S, inout S, inout S) -> Void) {
    let (p, g, a, b) = (parameter.elements, gradient.unsafelyUnwrapped, slot(0).elements, slot(1).elements)
    for i in 0..<count { body(&p[i], gradient(g, i), &a[i], &b[i]) }
  }

  @inline(__always) func withThreeSlots(_ body: (inout S, S, inout S, inout S, inout S) -> Void) {
    let (p, g, a, b) = (parameter.elements, gradient.unsafelyUnwrapped, slot(0).elements, slot(1).elements)
    let c = slot(2).elements
    for i in 0..<count { body(&p[i], gradient(g, i), &a[i], &b[i], &c[i]) }
  }
}
