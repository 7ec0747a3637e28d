// EMA: averages of a base optimizer's weights, to evaluate and export with.

import COptPlug
import OptimizerKit

/// Averages of the weights along a base's path, which the base itself never sees. With n counting averagings, after
/// step start + n · every of the whole optimizer:
/// ```
/// ema ← decay · ema + (1 − decay) · p        mode=ema, as ema + (1 − decay) · (p − ema)
/// ema ← (n · ema + p) / (n + 1)              mode=swa, as ema + (p − ema)/(n + 1)
/// ```
/// The average is the weights themselves at step `start` (0: the initial ones), and before it there is none.
/// `warmup` starts with a short memory: decayₙ = min(decay, (1 + n)/(10 + n)). All parameters are averaged, those
/// without a gradient included. Changes of `start`, `every` and `mode` hold from the next step, n being what these
/// values make of the step.
///
/// Sources: Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging",
/// https://doi.org/10.1137/0330046; swa: Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better
/// Generalization", https://arxiv.org/abs/1803.05407; warmup:
/// https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage. Same bits as
/// `torch.optim.swa_utils.AveragedModel` that is updated at the same times, first at `start`.
struct EMA<S: Scalar>: WrapperFormula {
  static var about: About {
    About(
      name: "ema", summary: "Averages of a base optimizer's weights, for evaluation.",
      url: "https://docs.pytorch.org/docs/stable/optim.html#weight-averaging-swa-and-ema")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("decay", 0.999, min: 0, max: 1, doc: "Share of the average that an averaging keeps (mode=ema)."),
      .choice("mode", ["ema", "swa"], doc: "Exponentially falling weights (ema) or equal ones (swa)."),
      .boolean("warmup", false, doc: "Keep less at first: the n-th averaging at most (1 + n)/(10 + n)."),
      .integer("every", 1, min: 1, max: 1_000_000_000, doc: "Steps of the base between two averagings."),
      .integer(
        "start", 0, min: 0, max: 1_000_000_000, doc: "The step whose weights the average begins with."),
    ]
  }

  static var traits: WrapperTraits { [.allParameters, .evaluationWeights] }

  static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("ema", .parameterCopy)] }

  static func evaluationSlot(_ values: HyperparameterValues, step: Int) -> Int? {
    step < values.integer(4) ? nil : 0
  }

  private let mean: RunningMean<S>
  private let copies: Bool

  init?(_ values: HyperparameterValues, step: Int) {
    let since = step - values.integer(4)
    guard since >= 0, since % values.integer(3) == 0 else { return nil }
    let gain = Self.gain(values, n: since / values.integer(3))
    guard gain > 0 else { return nil }
    mean = RunningMean(gain: gain)
    copies = gain == 1
  }

  /// The share of the weights in the n-th averaging.
  private static func gain(_ values: HyperparameterValues, n: Int) -> Double {
    let n = Double(n)
    if n == 0 { return 1 }
    if values.integer(1) == 1 { return 1 / (n + 1) }
    return 1 - (values.isSet(2) ? min(values[0], (1 + n) / (10 + n)) : values[0])
  }

  func apply(to piece: Piece<S>) {
    // A gain of 1 copies every bit, also over what is not finite.
    if copies {
      piece.forEach(piece.parameter, piece.slot(0)) { p, average in average = p }
    } else {
      piece.forEach(piece.parameter, piece.slot(0)) { p, average in mean.advance(&average, by: p) }
    }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [wrapper(EMA<Float>.self, EMA<Double>.self, EMA<Recorded>.self)] }
}
