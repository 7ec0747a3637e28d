// RMSprop: steps divided by the root of a running mean of squared gradients.

import COptPlug
import OptimizerKit

/// The update of `torch.optim.RMSprop`.
///
/// With gradient g (negated to maximize), in this order:
/// ```
/// g ← g + weight_decay · p
/// v ← alpha · v + (1 − alpha) · g²
/// a ← a + (1 − alpha) · (g − a),   d = √(v − a²) + eps   if centered, else d = √v + eps
/// b ← momentum · b + g/d,          p ← p − lr · b        if momentum > 0, else p ← p − lr · g/d
/// ```
/// Sources: Hinton 2012, "Neural Networks for Machine Learning", lecture 6e,
/// https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; centered: Graves 2013,
/// https://arxiv.org/abs/1308.0850; https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html. As
/// there, and unlike TensorFlow, eps is added outside the root.
struct RMSprop<S: Scalar>: OneSlotFormula, TwoSlotFormula, ThreeSlotFormula {
  static var about: About {
    About(
      name: "rmsprop", summary: "Steps divided by the root of a running mean of squares.",
      url: "https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-2, min: 0, doc: "Step size."),
      .float("alpha", 0.99, min: 0, max: 1, doc: "Decay of the mean of squares."),
      .float("eps", 1e-8, min: 0, doc: "Added to the denominator."),
      .float("weight_decay", 0, min: 0, doc: "L2 penalty: this times the weight is added to the gradient."),
      .float(
        "momentum", 0, min: 0, .zeroStructural, doc: "Share of the buffer that a step keeps; 0: no buffer."),
      .boolean("centered", false, .structural, doc: "Divide by the root of the variance instead."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  // The mean of gradients is no first moment to wrappers: moved without the mean of squares, it would make the
  // variance negative.
  static func slots(_ values: HyperparameterValues) -> [Slot] {
    [Slot("square_avg", .secondMoment)]
      + (values[4] == 0 ? [] : [Slot("momentum_buffer", .firstMoment)])
      + (values.isSet(5) ? [Slot("grad_avg", .other)] : [])
  }

  let objective: Objective<S>
  let squares: RunningMeanOfSquares<S>
  let mean: RunningMean<S>
  let minusLR, eps, momentum: S
  let hasMomentum, isCentered: Bool

  init(_ values: HyperparameterValues, step: Int) {
    objective = Objective(weightDecay: values[3], maximizes: values.isSet(6))
    squares = RunningMeanOfSquares(decay: values[1])
    mean = RunningMean(gain: 1 - values[1])
    minusLR = S(-values[0])
    eps = S(values[2])
    momentum = S(values[4])
    hasMomentum = values[4] != 0
    isCentered = values.isSet(5)
  }

  func apply(to piece: Piece<S>) {
    if hasMomentum && isCentered {
      updateWithThreeSlots(piece)
    } else if hasMomentum || isCentered {
      updateWithTwoSlots(piece)
    } else {
      updateWithOneSlot(piece)
    }
  }

  func update(_ p: inout S, _ g: S, _ v: inout S) {
    let g = objective.gradient(g, at: p)
    squares.advance(&v, by: g)
    p = p + minusLR * g / (S.squareRoot(v) + eps)
  }

  /// `c` is the buffer with momentum, else the mean of gradients.
  func update(_ p: inout S, _ g: S, _ v: inout S, _ c: inout S) {
    let g = objective.gradient(g, at: p)
    squares.advance(&v, by: g)
    if hasMomentum {
      c = c * momentum + g / (S.squareRoot(v) + eps)
      p = S.fma(c, minusLR, p)
    } else {
      p = p + minusLR * g / centeredRoot(v, &c, g)
    }
  }

  func update(_ p: inout S, _ g: S, _ v: inout S, _ b: inout S, _ a: inout S) {
    let g = objective.gradient(g, at: p)
    squares.advance(&v, by: g)
    b = b * momentum + g / centeredRoot(v, &a, g)
    p = S.fma(b, minusLR, p)
  }

  private func centeredRoot(_ v: S, _ a: inout S, _ g: S) -> S {
    mean.advance(&a, by: g)
    return S.squareRoot(S.fma(-a, a, v)) + eps
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(RMSprop<Float>.self, RMSprop<Double>.self, RMSprop<Recorded>.self)] }
}
