// NAdam: Adam with Nesterov's momentum.

import COptPlug
import OptimizerKit

/// The update of `torch.optim.NAdam`.
///
/// With gradient g (negated to maximize), at the parameter's own step t and μᵢ = β₁ · (1 − ½ · 0.96^(i · momentum_decay)):
/// ```
/// g ← g + weight_decay · p                   with decoupled_weight_decay instead p ← (1 − lr · weight_decay) · p
/// m ← β₁·m + (1 − β₁)·g                      as m + (1 − β₁)·(g − m)
/// v ← β₂·v + (1 − β₂)·g²
/// d = √(v / (1 − β₂ᵗ)) + eps
/// p ← p − lr · (1 − μₜ)/(1 − μ₁…μₜ) · g/d − lr · μₜ₊₁/(1 − μ₁…μₜ₊₁) · m/d
/// ```
/// The product μ₁…μₜ is that of the values in force, as β₁ᵗ is in Adam: see `MomentumSchedule`. PyTorch keeps it as
/// state, so that after a change of beta1 or momentum_decay it holds factors of both values; the difference lasts
/// as long as the product matters, some 50 steps by default.
///
/// Sources: Dozat 2016, "Incorporating Nesterov Momentum into Adam", https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ;
/// https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html.
struct NAdam<S: Scalar>: TwoSlotFormula {
  static var about: About {
    About(
      name: "nadam", summary: "Adam with Nesterov's momentum.",
      url: "https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 2e-3, min: 0, doc: "Step size."),
      .float("beta1", 0.9, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of gradients."),
      .float("beta2", 0.999, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of squares."),
      .float("eps", 1e-8, min: 0, doc: "Added to the denominator."),
      .float(
        "weight_decay", 0, min: 0, doc: "L2 penalty, or what a step shrinks by: see decoupled_weight_decay."),
      .float("momentum_decay", 4e-3, min: 0, doc: "How fast the momentum grows from beta1/2 to beta1."),
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
  let kept, correction2, eps, minusGradientRate, minusMeanRate: S

  init(_ values: HyperparameterValues, step: Int) {
    let (lr, decay, isDecoupled) = (values[0], values[4], values.isSet(6))
    let schedule = MomentumSchedule(beta1: values[1], decay: values[5])
    let (momentum, next) = (schedule.momentum(step), schedule.momentum(step + 1))
    let product = schedule.product(step)
    objective = Objective(weightDecay: isDecoupled ? 0 : decay, maximizes: values.isSet(7))
    mean = RunningMean(gain: 1 - values[1])
    squares = RunningMeanOfSquares(decay: values[2])
    kept = S(isDecoupled ? 1 - lr * decay : 1)
    correction2 = S(1 - power(values[2], Double(step)))
    eps = S(values[3])
    minusGradientRate = S(-lr * (1 - momentum) / (1 - product))
    minusMeanRate = S(-lr * next / (1 - product * next))
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S) {
    let g = objective.gradient(g, at: p)
    mean.advance(&m, by: g)
    squares.advance(&v, by: g)
    let d = S.squareRoot(v / correction2) + eps
    p = p * kept + minusGradientRate * g / d
    p = p + minusMeanRate * m / d
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(NAdam<Float>.self, NAdam<Double>.self, NAdam<Recorded>.self)] }
}
