// Running means of what formulas see from step to step.

/// A running mean: mean ← mean + gain · (value − mean), by a fused multiply-add from the nearer end, as `torch.lerp`.
public struct RunningMean<S: Scalar> {
  private let factor: S
  private let startsAtValue: Bool

  /// - Parameter gain: the share of a new value, 0 to 1.
  @inline(__always) public init(gain: Double) {
    startsAtValue = gain >= 0.5
    factor = S(gain) - (startsAtValue ? S(1) : S(0))
  }

  /// What `mean` becomes by `value`.
  @inline(__always) public func advanced(_ mean: S, by value: S) -> S {
    S.fma(factor, value - mean, startsAtValue ? value : mean)
  }

  /// Takes `value` into `mean`.
  @inline(__always) public func advance(_ mean: inout S, by value: S) { mean = advanced(mean, by: value) }
}

/// A running mean of squares: mean ← decay · mean + (1 − decay) · value².
public struct RunningMeanOfSquares<S: Scalar> {
  private let decay, gain: S

  /// - Parameter decay: the share of the mean that a step keeps, 0 to 1.
  @inline(__always) public init(decay: Double) {
    self.decay = S(decay)
    gain = S(1 - decay)
  }

  /// Takes the square of `value` into `mean`.
  @inline(__always) public func advance(_ mean: inout S, by value: S) {
    mean = S.fma(gain * value, value, mean * decay)
  }
}
