// The families of schedules that have numbers of their own: multistep, one-cycle, and warm-up–stable–decay.

/// Multiplies by `gamma` at each milestone, as PyTorch's `MultiStepLR`.
public struct Multistep: Hashable, Sendable {
  /// Epochs, or steps where the schedule is followed each step, that are over by then; counted from the start of the
  /// run, warm-up included.
  public let milestones: [Int]
  /// Above 0.
  public let gamma: Double

  public init(milestones: [Int], gamma: Double = 0.1) {
    self.milestones = milestones.sorted()
    self.gamma = gamma
  }

  func factor(at time: Double) -> Double {
    milestones.filter { time >= Double($0) }.reduce(1) { factor, _ in factor * gamma }
  }
}

/// A rise from `base / startDivisor` to the base and a fall to `base / startDivisor / endDivisor`, both by half a
/// cosine, as PyTorch's `OneCycleLR` with two phases. The base is the largest learning rate. Momentum stays as it is.
///
/// Source: L. Smith and N. Topin 2018, <https://arxiv.org/abs/1708.07120>.
public struct OneCycle: Hashable, Sendable {
  /// Above 0.
  public var startDivisor = 25.0
  /// Above 0.
  public var endDivisor = 1e4

  public init() {}

  /// How long the rise takes where nothing is said about it.
  static let standardRise = Warmup(.share(0.3))

  /// - Parameters:
  ///   - time, end: the last value is that of `time == end − 1`.
  ///   - rise: the base is reached at `time == rise − 1`.
  func learningRate(base: Double, at time: Double, of end: Double, rise: Double) -> Double {
    let (start, last) = (base / startDivisor, base / startDivisor / endDivisor)
    let top = rise - 1
    if time < top { return Curve.cosine(from: start, to: base, share: time / top) }
    let length = end - 1 - top
    return Curve.cosine(from: base, to: last, share: length > 0 ? min(1, (time - top) / length) : 0)
  }
}

/// The base until the last part of the run, then down to a minimum: with a warm-up before it, warm-up–stable–decay.
///
/// Sources: S. Hu et al. 2024, <https://arxiv.org/abs/2404.06395>; A. Hägele et al. 2024,
/// <https://arxiv.org/abs/2405.18392>, for the decay by the square root.
public struct StableDecay: Hashable, Sendable {
  public enum Shape: String, CaseIterable, Hashable, Sendable {
    case linear, cosine, sqrt
  }

  /// Of the whole run, 0…1.
  public var share = 0.2
  public var shape = Shape.linear
  /// The learning rate that would be reached after the last step.
  public var minimum = 0.0

  public init() {}

  func learningRate(base: Double, at time: Double, of end: Double) -> Double {
    let length = share * end
    let start = end - length
    guard length > 0, time > start else { return base }
    let done = min(1, (time - start) / length)
    switch shape {
    case .linear: return Curve.linear(from: base, to: minimum, share: done)
    case .cosine: return Curve.cosine(from: base, to: minimum, share: done)
    case .sqrt: return Curve.squareRoot(from: base, to: minimum, share: done)
    }
  }
}
