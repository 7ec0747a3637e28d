// What training minimizes, as far as a formula sees it: the sign of the loss and a penalty on the weights.

/// The loss or, to maximize it, its negative, plus an L2 penalty of weight_decay/2 · p².
public struct Objective<S: Scalar> {
  private let weightDecay: S
  private let decays, maximizes: Bool

  /// - Parameters:
  ///   - weightDecay: 0 for no penalty, which then does not touch a gradient's bits.
  ///   - maximizes: whether to go up the gradient.
  @inline(__always) public init(weightDecay: Double, maximizes: Bool) {
    self.weightDecay = S(weightDecay)
    decays = weightDecay != 0
    self.maximizes = maximizes
  }

  /// The objective's gradient at `p`, with `g` being the loss's: g or −g, then + weight_decay · p.
  @inline(__always) public func gradient(_ g: S, at p: S) -> S {
    let g = maximizes ? -g : g
    return decays ? S.fma(p, weightDecay, g) : g
  }
}
