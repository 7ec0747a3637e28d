// Lookahead: slow weights that follow a base optimizer's fast ones every k steps.

import COptPlug
import OptimizerKit

/// Zhang et al. 2019, "Lookahead Optimizer: k steps forward, 1 step back", Algorithm 1,
/// https://arxiv.org/abs/1907.08610. After every k-th step of the whole optimizer:
/// ```
/// slow ← slow + alpha · (p − slow),   p ← slow
/// ```
/// The slow weights start as a copy of the initial ones, as in the paper; `init=lazy` starts them at the first
/// sync instead (which thereby changes nothing), as some implementations do. All parameters sync, those without
/// a gradient on that step included. `momentum` says what a sync does to the base's first moments, whatever
/// the base calls them.
struct Lookahead<S: Scalar>: WrapperFormula {
  static var about: About {
    About(
      name: "lookahead", summary: "Slow weights that follow a base optimizer every k steps.",
      url: "https://arxiv.org/abs/1907.08610")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .integer("k", 5, min: 1, max: 1_000_000_000, doc: "Steps of the base between two syncs."),
      .float("alpha", 0.5, min: 0, max: 1, doc: "How far the slow weights go towards the fast ones."),
      .choice(
        "init", ["copy", "lazy"], .structural,
        doc: "Slow weights start as the initial weights (copy) or at the first sync (lazy)."),
      .choice(
        "momentum", ["none", "reset", "pullback", "reset_all"], .structural,
        doc: "A sync leaves the base's first moments, zeroes them, pulls them back, or restarts the base."),
    ]
  }

  private enum Momentum: Int { case none, reset, pullback, resetAll }

  private static func momentum(_ values: HyperparameterValues) -> Momentum {
    Momentum(rawValue: values.integer(3)) ?? .none
  }

  private static func isLazy(_ values: HyperparameterValues) -> Bool { values.isSet(2) }

  private static func syncs(_ values: HyperparameterValues, step: Int) -> Bool {
    step % values.integer(0) == 0
  }

  static var traits: WrapperTraits { [.allParameters, .evaluationWeights] }

  static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("slow", .parameterCopy)] }

  static func borrowing(_ values: HyperparameterValues) -> Borrowing? {
    switch momentum(values) {
    case .none, .resetAll: nil
    case .reset: Borrowing(.firstMoment)
    case .pullback: Borrowing(.firstMoment, copies: "slow_momentum")
    }
  }

  static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int? {
    // Before the first sync a lazy slow copy means nothing.
    isLazy(values) && step < values.integer(0) ? nil : 0
  }

  static func restartsBase(_ values: HyperparameterValues, step: Int) -> Bool {
    momentum(values) == .resetAll && syncs(values, step: step)
  }

  private let alpha: S
  private let starts, stays, reaches: Bool
  private let momentum: Momentum

  init?(_ values: HyperparameterValues, step: Int) {
    guard Self.syncs(values, step: step) else { return nil }
    alpha = S(values[1])
    stays = values[1] == 0
    reaches = values[1] == 1
    starts = Self.isLazy(values) && step == values.integer(0)
    momentum = Self.momentum(values)
  }

  func apply(to piece: Piece<S>) {
    if starts {
      piece.forEach(piece.parameter, piece.slot(0)) { p, slow in slow = p }
    } else {
      pull(piece.parameter, piece.slot(0), in: piece)
    }
    for i in 0..<piece.borrowedCount {
      let moment = piece.borrowed(i, ownSlots: 1)
      if momentum == .pullback {
        pull(moment, piece.copy(i, ownSlots: 1), in: piece)
      } else {
        piece.forEach(moment) { m in m = S(0) }
      }
    }
  }

  /// Moves `slow` towards `fast` and `fast` onto it. alpha = 1 gives `fast` itself, which the rounded
  /// difference would not, and alpha = 0 `slow` itself, even where `fast` is not finite. A loop for each, since a
  /// choice inside the loop becomes a masked store, several times slower than all the rest.
  private func pull(_ fast: Stream<S>, _ slow: Stream<S>, in piece: Piece<S>) {
    if stays {
      piece.forEach(fast, slow) { fast, slow in fast = slow }
    } else if reaches {
      piece.forEach(fast, slow) { fast, slow in slow = fast }
    } else {
      piece.forEach(fast, slow) { fast, slow in
        slow = S.fma(fast - slow, alpha, slow)
        fast = slow
      }
    }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [wrapper(Lookahead<Float>.self, Lookahead<Double>.self, Lookahead<Recorded>.self)] }
}
