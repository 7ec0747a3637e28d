// Adagrad: steps divided by the root of the sum of all squared gradients so far.

import COptPlug
import OptimizerKit

/// The update of `torch.optim.Adagrad`.
///
/// With gradient g (negated to maximize), at the parameter's own step t:
/// ```
/// g ← g + weight_decay · p
/// s ← s + g²                                       s starts at initial_accumulator_value
/// p ← p − lr/(1 + (t − 1) · lr_decay) · g / (√s + eps)
/// ```
/// Sources: Duchi, Hazan & Singer 2011, "Adaptive Subgradient Methods for Online Learning and Stochastic
/// Optimization", https://jmlr.org/papers/v12/duchi11a.html;
/// https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html.
struct Adagrad<S: Scalar>: OneSlotFormula {
  static var about: About {
    About(
      name: "adagrad", summary: "Steps divided by the root of the sum of squared gradients.",
      url: "https://jmlr.org/papers/v12/duchi11a.html")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-2, min: 0, doc: "Step size."),
      .float(
        "lr_decay", 0, min: 0, doc: "The step size is divided by 1 + this times the steps taken before."),
      .float("weight_decay", 0, min: 0, doc: "L2 penalty: this times the weight is added to the gradient."),
      .float("initial_accumulator_value", 0, min: 0, .structural, doc: "What the sum of squares starts at."),
      .float("eps", 1e-10, min: 0, doc: "Added to the denominator."),
      .boolean("maximize", false, doc: "Go up the gradient."),
    ]
  }

  // A sum, and so no moment to wrappers: it grows with the number of steps.
  static func slots(_ values: HyperparameterValues) -> [Slot] {
    [Slot("sum", .other, initialValue: values[3])]
  }

  let objective: Objective<S>
  let minusLR, eps: S

  init(_ values: HyperparameterValues, step: Int) {
    objective = Objective(weightDecay: values[2], maximizes: values.isSet(5))
    minusLR = S(-(values[0] / (1 + Double(step - 1) * values[1])))
    eps = S(values[4])
  }

  func update(_ p: inout S, _ g: S, _ s: inout S) {
    let g = objective.gradient(g, at: p)
    s = S.fma(g, g, s)
    p = p + minusLR * g / (S.squareRoot(s) + eps)
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(Adagrad<Float>.self, Adagrad<Double>.self, Adagrad<Recorded>.self)] }
}
