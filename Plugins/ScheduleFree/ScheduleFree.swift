// Schedule-free learning: a base optimizer's path, averaged, with gradients taken between path and average.

import COptPlug
import OptimizerKit

/// The base steps the point z; x is the average of its path; gradients are taken at y, the weights while training.
/// At a parameter's own step t:
/// ```
/// z ← z + s · (base(z, g at y) − z)       s = min(1, t / warmup_steps)
/// x ← x + c · (z − x)                     c = s² / (sum of s² so far), 1/t without warm-up
/// y ← x + (1 − momentum) · (z − x)
/// ```
/// Evaluation and export use x. Weight decay is the base's, and acts at z. The base needs no momentum of its own:
/// `schedulefree(adamw(beta1=0))` is Schedule-Free AdamW.
///
/// Source: Defazio et al. 2024, "The Road Less Scheduled", equations 1 to 3 and Algorithm 1,
/// https://arxiv.org/abs/2405.15682; https://github.com/facebookresearch/schedule_free. A wrapper cannot see its base's
/// step size. So warm-up shortens what the base did, which is the same for every base whose update is proportional
/// to `lr`, and averages by the squares of the warm-up alone, which is the same as long as nobody raises `lr`.
///
/// If the weights are not y when a step begins, someone above has moved them (a sync of Lookahead): then x and z
/// move along.
struct ScheduleFree<S: Scalar>: StagedWrapperFormula {
  static var about: About {
    About(
      name: "schedulefree", summary: "Averages a base's path instead of scheduling its step size.",
      url: "https://arxiv.org/abs/2405.15682")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float(
        "momentum", 0.9, min: 0, max: 1, .structural,
        doc: "Where gradients are taken: 0 at the base's point, 1 at the average."),
      .integer(
        "warmup_steps", 0, min: 0, max: 1_000_000_000,
        doc: "Steps over which the base's steps grow to their size."),
    ]
  }

  static var traits: WrapperTraits { [.allParameters, .actsBefore, .evaluationWeights] }

  static func slots(_ values: HyperparameterValues) -> [Slot] {
    [Slot("x", .parameterCopy), Slot("z", .parameterCopy)]
  }

  static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int? { 0 }

  private let y, average, shortening: RunningMean<S>
  private let isShortened: Bool

  init?(_ values: HyperparameterValues, _ moment: StepMoment) {
    let (t, warmup) = (Double(moment.parameterStep), Double(values.integer(1)))
    let share = t < warmup ? t / warmup : 1
    y = RunningMean(gain: 1 - values[0])
    average = RunningMean(gain: t > 0 ? share * share / Self.sumOfSquaredShares(t, warmup) : 1)
    isShortened = share < 1
    shortening = RunningMean(gain: share)
  }

  /// The sum of min(1, i / warmup)² over i from 1 to t: that of squares up to the end of the warm-up, and ones.
  private static func sumOfSquaredShares(_ t: Double, _ warmup: Double) -> Double {
    let n = min(t, warmup)
    return (n > 0 ? n * (n + 1) * (2 * n + 1) / (6 * warmup * warmup) : 0) + (t - n)
  }

  func before(_ piece: Piece<S>) {
    piece.forEach(piece.parameter, piece.slot(0), piece.slot(1)) { p, x, z in
      let moved = p - y.advanced(x, by: z)
      x = x + moved
      z = z + moved
      p = z
    }
  }

  func after(_ piece: Piece<S>) {
    let (p, x, z) = (piece.parameter, piece.slot(0), piece.slot(1))
    if !piece.hasGradient {
      // The base may have moved it all the same.
      piece.forEach(p, x, z) { p, x, z in
        z = p
        p = y.advanced(x, by: z)
      }
    } else if isShortened {
      piece.forEach(p, x, z) { p, x, z in
        shortening.advance(&z, by: p)
        average.advance(&x, by: z)
        p = y.advanced(x, by: z)
      }
    } else {
      piece.forEach(p, x, z) { p, x, z in
        z = p
        average.advance(&x, by: z)
        p = y.advanced(x, by: z)
      }
    }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) {
    [wrapper(ScheduleFree<Float>.self, ScheduleFree<Double>.self, ScheduleFree<Recorded>.self)]
  }
}
