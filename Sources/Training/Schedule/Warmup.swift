// A rise of the learning rate before a schedule's own curve, and the shapes that curves are made of.

import Foundation

/// A linear warm-up: from `start` times the learning rate to all of it, as PyTorch's `LinearLR`.
///
/// Source: P. Goyal et al. 2017, <https://arxiv.org/abs/1706.02677>.
public struct Warmup: Hashable, Sendable {
  public enum Length: Hashable, Sendable {
    /// 0 or more.
    case steps(Int)
    /// 0 or more; parts of an epoch are rounded to whole steps, but for ``Schedule/Family/oneCycle(_:)``.
    case epochs(Double)
    /// Of the whole run, 0…1; rounded likewise.
    case share(Double)
  }

  public var length: Length
  /// Of the learning rate, 0…1: what the first step is made with.
  public var start: Double

  public init(_ length: Length, start: Double = 0.01) {
    self.length = length
    self.start = start
  }

  /// How many steps it takes, before they are rounded.
  func steps(stepsInEpoch: Int, epochs: Int) -> Double {
    switch length {
    case .steps(let steps): return Double(steps)
    case .epochs(let count): return count * Double(stepsInEpoch)
    case .share(let share): return share * Double(stepsInEpoch * epochs)
    }
  }

  /// - Parameter time: below `length`.
  func factor(at time: Double, of length: Double) -> Double { start + (1 - start) * time / length }
}

/// Ways from one value to another.
enum Curve {
  /// Half a cosine: level at both ends.
  static func cosine(from start: Double, to end: Double, share: Double) -> Double {
    end + (start - end) * (1 + cos(.pi * share)) / 2
  }

  static func linear(from start: Double, to end: Double, share: Double) -> Double {
    start + (end - start) * share
  }

  /// Fast at first, slow at the end: `1 − √share` of the way is left.
  static func squareRoot(from start: Double, to end: Double, share: Double) -> Double {
    end + (start - end) * (1 - share.squareRoot())
  }
}
