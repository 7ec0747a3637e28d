// Lion: steps of one size, in the direction of the sign of an interpolated momentum.

import COptPlug
import OptimizerKit

/// Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", Algorithm 2, https://arxiv.org/abs/2302.06675.
///
/// With gradient g (negated to maximize):
/// ```
/// p ← (1 − lr · weight_decay) · p
/// p ← p − lr · sign(β₁·m + (1 − β₁)·g)     as m + (1 − β₁)·(g − m)
/// m ← β₂·m + (1 − β₂)·g                    as m + (1 − β₂)·(g − m)
/// ```
/// A sign of zero leaves the weight where it is. Decay comes before the step, as in the authors' code.
struct Lion<S: Scalar>: OneSlotFormula {
  static var about: About {
    About(
      name: "lion", summary: "Steps by the sign of an interpolated momentum.",
      url: "https://arxiv.org/abs/2302.06675")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-4, min: 0, doc: "Step size: how far each weight moves, whatever its gradient."),
      .float(
        "beta1", 0.9, min: 0, max: 1, maxExcluded: true, doc: "Share of the momentum in the step's direction."
      ),
      .float("beta2", 0.99, min: 0, max: 1, maxExcluded: true, doc: "Decay of the momentum."),
      .float("weight_decay", 0, min: 0, doc: "A step shrinks each weight by lr times this."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("exp_avg", .firstMoment)] }

  let objective: Objective<S>
  let direction, mean: RunningMean<S>
  let minusLR, kept: S

  init(_ values: HyperparameterValues, step: Int) {
    objective = Objective(weightDecay: 0, maximizes: values.isSet(4))
    direction = RunningMean(gain: 1 - values[1])
    mean = RunningMean(gain: 1 - values[2])
    minusLR = S(-values[0])
    kept = S(1 - values[0] * values[3])
  }

  func update(_ p: inout S, _ g: S, _ m: inout S) {
    let g = objective.gradient(g, at: p)
    p = S.fma(S.sign(direction.advanced(m, by: g)), minusLR, p * kept)
    mean.advance(&m, by: g)
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(Lion<Float>.self, Lion<Double>.self, Lion<Recorded>.self)] }
}
