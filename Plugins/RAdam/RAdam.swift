// RAdam: Adam that waits until the variance of its steps is known.

import COptPlug
import OptimizerKit

/// The update of `torch.optim.RAdam`.
///
/// With gradient g (negated to maximize), at the parameter's own step t, with ρ∞ = 2/(1 − β₂) − 1 and
/// ρₜ = ρ∞ − 2·t·β₂ᵗ/(1 − β₂ᵗ):
/// ```
/// g ← g + weight_decay · p                   with decoupled_weight_decay instead p ← (1 − lr · weight_decay) · p
/// m ← β₁·m + (1 − β₁)·g                      as m + (1 − β₁)·(g − m)
/// v ← β₂·v + (1 − β₂)·g²
/// p ← p − lr · m/(1 − β₁ᵗ) · r · √(1 − β₂ᵗ)/(√v + eps)     if ρₜ > 5, else p ← p − lr · m/(1 − β₁ᵗ)
/// r = √((ρₜ − 4)(ρₜ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρₜ))
/// ```
/// Sources: Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond", Algorithm 2,
/// https://arxiv.org/abs/1908.03265; https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html. As
/// there, and unlike the paper (ρₜ > 4), rectification begins above 5, as in the authors' code.
struct RAdam<S: Scalar>: TwoSlotFormula {
  static var about: About {
    About(
      name: "radam", summary: "Adam with a rectified variance of its first steps.",
      url: "https://arxiv.org/abs/1908.03265")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Step size."),
      .float("beta1", 0.9, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of gradients."),
      .float("beta2", 0.999, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of squares."),
      .float("eps", 1e-8, min: 0, doc: "Added to the denominator."),
      .float(
        "weight_decay", 0, min: 0, doc: "L2 penalty, or what a step shrinks by: see decoupled_weight_decay."),
      .boolean(
        "decoupled_weight_decay", false, doc: "A step shrinks each weight by lr times weight_decay instead."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] {
    [Slot("exp_avg", .firstMoment), Slot("exp_avg_sq", .secondMoment)]
  }

  let objective: Objective<S>
  let mean: RunningMean<S>
  let squares: RunningMeanOfSquares<S>
  let lr, kept, correction1, rootCorrection2, eps, rectification: S
  let isRectified: Bool

  init(_ values: HyperparameterValues, step: Int) {
    let (beta1, beta2, decay, isDecoupled) = (values[1], values[2], values[4], values.isSet(5))
    objective = Objective(weightDecay: isDecoupled ? 0 : decay, maximizes: values.isSet(6))
    mean = RunningMean(gain: 1 - beta1)
    squares = RunningMeanOfSquares(decay: beta2)
    lr = S(values[0])
    kept = S(isDecoupled ? 1 - values[0] * decay : 1)
    eps = S(values[3])
    correction1 = S(1 - power(beta1, Double(step)))
    let power2 = power(beta2, Double(step))
    let correction2 = 1 - power2
    rootCorrection2 = S(power(correction2, 0.5))
    let longest = 2 / (1 - beta2) - 1
    let length = longest - 2 * Double(step) * power2 / correction2
    isRectified = length > 5
    rectification = S(
      isRectified
        ? power((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length), 0.5) : 1)
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S) {
    let g = objective.gradient(g, at: p)
    mean.advance(&m, by: g)
    squares.advance(&v, by: g)
    let plain = m / correction1 * lr
    // In PyTorch's order, reciprocal first.
    let step =
      isRectified ? plain * (S(1) / (S.squareRoot(v) + eps) * rootCorrection2) * rectification : plain
    p = p * kept - step
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(RAdam<Float>.self, RAdam<Double>.self, RAdam<Recorded>.self)] }
}
