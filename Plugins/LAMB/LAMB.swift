// LAMB: Adam's direction, with the length of a step in proportion to each tensor's weights.

import COptPlug
import OptimizerKit

/// You et al. 2020, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", Algorithm 2,
/// https://arxiv.org/abs/1904.00962. For each tensor, with gradient g (negated to maximize), at its own step t:
/// ```
/// m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²
/// u ← m/(1 − β₁ᵗ) / (√v/√(1 − β₂ᵗ) + eps) + weight_decay · p
/// p ← p − lr · φ(‖p‖)/‖u‖ · u            the quotient is 1 where ‖p‖ or ‖u‖ is 0
/// ```
/// with norms over the tensor and φ(z) = min(z, clamp), or z itself with `clamp=0`, as in the authors' code.
/// `bias_correction=false` leaves the two corrections out, as the first versions of the paper did. With
/// `adapt_vectors=false`, tensors of one dimension or none (biases, scales of normalization) take the step with quotient 1
/// and without weight decay, as BERT was trained.
struct LAMB<S: Scalar>: ReducingFormula, TwoSlotFormula {
  static var about: About {
    About(
      name: "lamb", summary: "Adam's direction, with steps in proportion to the norm of each tensor.",
      url: "https://arxiv.org/abs/1904.00962")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Length of a step as a share of the weights' norm."),
      .float("beta1", 0.9, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of gradients."),
      .float("beta2", 0.999, min: 0, max: 1, maxExcluded: true, doc: "Decay of the mean of squares."),
      .float("eps", 1e-6, min: 0, doc: "Added to the denominator."),
      .float("weight_decay", 0.01, min: 0, doc: "This times the weight is added to the direction."),
      .float("clamp", 0, min: 0, doc: "The norm of weights counts as at most this; 0: no limit."),
      .boolean("bias_correction", true, doc: "Correct both means for having started at zero."),
      .boolean(
        "adapt_vectors", true, doc: "If not, tensors of one dimension have Adam's steps without weight decay."
      ),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] {
    [Slot("exp_avg", .firstMoment), Slot("exp_avg_sq", .secondMoment)]
  }

  static var reductions: [Reduction] { [.sum, .sum] }

  private let mean: RunningMean<S>
  private let squares: RunningMeanOfSquares<S>
  private let correction1, rootCorrection2, eps: S
  private let lr, clamp: Double
  private let adaptsVectors: Bool
  private let objective: Objective<S>
  private var weightDecay: S
  private var decays: Bool
  private var minusStep: S

  init(_ values: HyperparameterValues, step: Int) {
    let (beta1, beta2) = (values[1], values[2])
    lr = values[0]
    mean = RunningMean(gain: 1 - beta1)
    squares = RunningMeanOfSquares(decay: beta2)
    let corrects = values.isSet(6)
    correction1 = S(corrects ? 1 - power(beta1, Double(step)) : 1)
    rootCorrection2 = S(corrects ? (1 - power(beta2, Double(step))).squareRoot() : 1)
    eps = S(values[3])
    weightDecay = S(values[4])
    decays = values[4] != 0
    clamp = values[5] == 0 ? .infinity : values[5]
    adaptsVectors = values.isSet(7)
    objective = Objective(weightDecay: 0, maximizes: values.isSet(8))
    minusStep = S(-lr)
  }

  func collect(from piece: Piece<S>, into partials: Partials) {
    piece.collect(
      into: partials,
      advancing: { p, g, m, v in
        let g = objective.gradient(g, at: p)
        mean.advance(&m, by: g)
        squares.advance(&v, by: g)
      },
      { p, _, m, v in
        let u = S.double(direction(p, m, v))
        return (S.double(p) * S.double(p), u * u)
      })
  }

  mutating func learn(_ tensor: ReducedTensor) {
    guard adaptsVectors || tensor.dimensions > 1 else {
      decays = false
      return
    }
    let (weights, direction) = (tensor[0].squareRoot(), tensor[1].squareRoot())
    if weights != 0, direction != 0 { minusStep = S(-lr * (weights > clamp ? clamp : weights) / direction) }
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S) {
    p = S.fma(direction(p, m, v), minusStep, p)
  }

  /// Where the moments and the decay pull a weight.
  private func direction(_ p: S, _ m: S, _ v: S) -> S {
    let adam = m / correction1 / (S.squareRoot(v) / rootCorrection2 + eps)
    return decays ? S.fma(p, weightDecay, adam) : adam
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(LAMB<Float>.self, LAMB<Double>.self)] }
}
