// The moments that Adam and AdamW share.

import OptimizerKit

/// The update of Adam and AdamW but for weight decay, the only thing in which they differ.
///
/// With gradient g (negated to maximize), at the parameter's own step t:
/// ```
/// m ← β₁·m + (1 − β₁)·g          as m + (1 − β₁)·(g − m)
/// v ← β₂·v + (1 − β₂)·g²
/// p ← p − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)
/// ```
/// amsgrad uses the greatest v so far. Bit-identical to `torch.optim.Adam(W)` with `fused=True`.
/// Sources: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980; Reddi et al. 2018 (amsgrad),
/// https://openreview.net/forum?id=ryQu7f-RZ.
struct Moments<S: Scalar> {
  static func hyperparameters(weightDecay: Double, doc: StaticString) -> [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Step size."),
      .float("beta1", 0.9, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of gradients."),
      .float("beta2", 0.999, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of squares."),
      .float("eps", 1e-8, min: 0, doc: "Added to the denominator."),
      .float("weight_decay", weightDecay, min: 0, doc: doc),
      .boolean("amsgrad", false, .structural, doc: "Divide by the greatest mean of squares so far."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] {
    let moments = [Slot("exp_avg", .firstMoment), Slot("exp_avg_sq", .secondMoment)]
    return values.isSet(5) ? moments + [Slot("max_exp_avg_sq", .secondMoment)] : moments
  }

  let mean: RunningMean<S>
  let squares: RunningMeanOfSquares<S>
  let stepSize, rootCorrection2, eps: S

  init(_ values: HyperparameterValues, step: Int) {
    let (beta1, beta2) = (values[1], values[2])
    mean = RunningMean(gain: 1 - beta1)
    squares = RunningMeanOfSquares(decay: beta2)
    stepSize = S(values[0] / (1 - power(beta1, Double(step))))
    rootCorrection2 = S((1 - power(beta2, Double(step))).squareRoot())
    eps = S(values[3])
  }

  /// Advances both moments.
  func advance(_ g: S, _ m: inout S, _ v: inout S) {
    mean.advance(&m, by: g)
    squares.advance(&v, by: g)
  }

  /// Moves the weight by mean `m` and mean of squares `v`.
  func move(_ p: inout S, _ m: S, _ v: S) {
    p = p - stepSize * m / (S.squareRoot(v) / rootCorrection2 + eps)
  }
}
