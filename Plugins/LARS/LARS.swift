// LARS: momentum with a step size for each tensor, by the norms of its weights and of its gradient.

import COptPlug
import OptimizerKit

/// You, Gitman & Ginsburg 2017, "Large Batch Training of Convolutional Networks", Algorithm 1,
/// https://arxiv.org/abs/1708.03888. For each tensor, with gradient g (negated to maximize) and norms over the tensor:
/// ```
/// λ ← trust_coefficient · ‖p‖ / (‖g‖ + weight_decay · ‖p‖ + eps)        1 where ‖p‖ or the denominator is 0
/// b ← momentum · b + λ · (g + weight_decay · p)
/// p ← p − lr · b, or p − lr · (λ · (g + weight_decay · p) + momentum · b) if nesterov
/// ```
/// As in `sgd`, and unlike the paper, the velocity b does not contain lr: both agree while lr stays as it is. `eps` is
/// not in the paper. With `adapt_vectors=false`, tensors of one dimension or none (biases, scales of normalization) take
/// the step with λ = 1 and without weight decay, as many who train with LARS do.
struct LARS<S: Scalar>: ReducingFormula, StatelessFormula, OneSlotFormula {
  static var about: About {
    About(
      name: "lars",
      summary: "Momentum with a step size for each tensor, by the norms of weights and gradient.",
      url: "https://arxiv.org/abs/1708.03888")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1, min: 0, doc: "Step size, times trust_coefficient in tensors that adapt."),
      .float(
        "momentum", 0.9, min: 0, .zeroStructural, doc: "Share of the buffer that a step keeps; 0: no buffer."),
      .float("weight_decay", 0, min: 0, doc: "L2 penalty: this times the weight is added to the gradient."),
      .float("trust_coefficient", 1e-3, min: 0, doc: "A step's share of the weights' norm, for lr = 1."),
      .float("eps", 1e-8, min: 0, doc: "Added to the denominator of the tensor's own step size."),
      .boolean("nesterov", false, doc: "Look ahead along the buffer; needs momentum > 0."),
      .boolean(
        "adapt_vectors", true, doc: "If not, tensors of one dimension have plain steps without weight decay."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] {
    values[1] == 0 ? [] : [Slot("momentum_buffer", .firstMoment)]
  }

  static func check(_ values: HyperparameterValues) -> StaticString? {
    values.isSet(5) && values[1] == 0
      ? "nesterov needs momentum > 0: set momentum, or nesterov=false" : nil
  }

  static var reductions: [Reduction] { [.sum, .sum] }

  private let minusLR, momentum: S
  private let weightDecay, trustCoefficient, eps: Double
  private let hasMomentum, isNesterov, adaptsVectors, maximizes: Bool
  private var objective: Objective<S>
  private var trust = S(1)

  init(_ values: HyperparameterValues, step: Int) {
    minusLR = S(-values[0])
    momentum = S(values[1])
    hasMomentum = values[1] != 0
    weightDecay = values[2]
    trustCoefficient = values[3]
    eps = values[4]
    isNesterov = values.isSet(5)
    adaptsVectors = values.isSet(6)
    maximizes = values.isSet(7)
    objective = Objective(weightDecay: weightDecay, maximizes: maximizes)
  }

  func collect(from piece: Piece<S>, into partials: Partials) {
    piece.collect(into: partials) { p, g in
      (S.double(p) * S.double(p), S.double(g) * S.double(g))
    }
  }

  mutating func learn(_ tensor: ReducedTensor) {
    guard adaptsVectors || tensor.dimensions > 1 else {
      objective = Objective(weightDecay: 0, maximizes: maximizes)
      return
    }
    let (weights, gradient) = (tensor[0].squareRoot(), tensor[1].squareRoot())
    let denominator = gradient + weightDecay * weights + eps
    trust = weights == 0 || denominator == 0 ? S(1) : S(trustCoefficient * weights / denominator)
  }

  func apply(to piece: Piece<S>) {
    if hasMomentum { updateWithOneSlot(piece) } else { updateWithoutSlots(piece) }
  }

  func update(_ p: inout S, _ g: S) {
    p = S.fma(objective.gradient(g, at: p) * trust, minusLR, p)
  }

  func update(_ p: inout S, _ g: S, _ b: inout S) {
    let g = objective.gradient(g, at: p) * trust
    b = S.fma(b, momentum, g)
    p = S.fma(isNesterov ? S.fma(b, momentum, g) : b, minusLR, p)
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(LARS<Float>.self, LARS<Double>.self)] }
}
