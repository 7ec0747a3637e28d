// Stochastic gradient descent with momentum, dampening, weight decay and Nesterov's variant.

import COptPlug
import OptimizerKit

/// The update of `torch.optim.SGD`, bit for bit.
///
/// With gradient g (negated to maximize), in this order:
/// ```
/// g ← g + weight_decay · p
/// b ← momentum · b + (1 − dampening) · g        on the parameter's first step b ← g
/// g ← g + momentum · b if nesterov, else b
/// p ← p − lr · g
/// ```
/// Sources: Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning";
/// https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html. As there, and unlike the paper, the
/// velocity does not contain the learning rate, and the first buffer is not dampened.
struct SGD<S: Scalar>: StatelessFormula, OneSlotFormula {
  static var about: About {
    About(
      name: "sgd", summary: "Stochastic gradient descent with momentum.",
      url: "https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Step size."),
      .float(
        "momentum", 0, min: 0, .zeroStructural, doc: "Share of the buffer that a step keeps; 0: no buffer."),
      .float("dampening", 0, doc: "Share of the gradient that does not enter the buffer."),
      .float("weight_decay", 0, min: 0, doc: "L2 penalty: this times the weight is added to the gradient."),
      .boolean("nesterov", false, doc: "Look ahead along the buffer; needs momentum > 0 and dampening = 0."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] {
    values[1] == 0 ? [] : [Slot("momentum_buffer", .firstMoment)]
  }

  static func check(_ values: HyperparameterValues) -> StaticString? {
    values.isSet(4) && (values[1] == 0 || values[2] != 0)
      ? "nesterov needs momentum > 0 and dampening = 0: set momentum, or nesterov=false" : nil
  }

  let objective: Objective<S>
  let minusLR, momentum, undamped: S
  let hasMomentum, isFirst, isNesterov: Bool

  init(_ values: HyperparameterValues, step: Int) {
    objective = Objective(weightDecay: values[3], maximizes: values.isSet(5))
    minusLR = S(-values[0])
    momentum = S(values[1])
    undamped = S(1 - values[2])
    hasMomentum = values[1] != 0
    isFirst = step == 1
    isNesterov = values.isSet(4)
  }

  func apply(to piece: Piece<S>) {
    if hasMomentum { updateWithOneSlot(piece) } else { updateWithoutSlots(piece) }
  }

  func update(_ p: inout S, _ g: S) {
    p = S.fma(objective.gradient(g, at: p), minusLR, p)
  }

  func update(_ p: inout S, _ g: S, _ b: inout S) {
    let g = objective.gradient(g, at: p)
    b = isFirst ? g : S.fma(g, undamped, b * momentum)
    p = S.fma(isNesterov ? S.fma(b, momentum, g) : b, minusLR, p)
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(SGD<Float>.self, SGD<Double>.self, SGD<Recorded>.self)] }
}
