// Adam and AdamW: steps scaled by running means of the gradient and of its square.

import COptPlug
import OptimizerKit

/// Adam: weight decay is an L2 penalty, g ← g + weight_decay · p before the moments.
/// Source: Kingma & Ba 2015, https://arxiv.org/abs/1412.6980.
struct Adam<S: Scalar>: TwoSlotFormula, ThreeSlotFormula {
  static var about: About {
    About(
      name: "adam", summary: "Steps scaled by running means of the gradient and its square.",
      url: "https://arxiv.org/abs/1412.6980")
  }
  static var hyperparameters: [Hyperparameter] {
    Moments<S>.hyperparameters(
      weightDecay: 0, doc: "L2 penalty: this times the weight is added to the gradient.")
  }
  static func slots(_ values: HyperparameterValues) -> [Slot] { Moments<S>.slots(values) }

  let moments: Moments<S>
  let objective: Objective<S>
  let isAMSGrad: Bool

  init(_ values: HyperparameterValues, step: Int) {
    moments = Moments(values, step: step)
    objective = Objective(weightDecay: values[4], maximizes: values.isSet(6))
    isAMSGrad = values.isSet(5)
  }

  func apply(to piece: Piece<S>) {
    if isAMSGrad { updateWithThreeSlots(piece) } else { updateWithTwoSlots(piece) }
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S) {
    moments.advance(objective.gradient(g, at: p), &m, &v)
    moments.move(&p, m, v)
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S, _ vMax: inout S) {
    moments.advance(objective.gradient(g, at: p), &m, &v)
    vMax = S.maximum(vMax, v)
    moments.move(&p, m, vMax)
  }
}

/// AdamW: weight decay apart from the gradient, p ← (1 − lr · weight_decay) · p before the update.
/// Source: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101.
struct AdamW<S: Scalar>: TwoSlotFormula, ThreeSlotFormula {
  static var about: About {
    About(
      name: "adamw", summary: "Adam with weight decay apart from the gradient.",
      url: "https://arxiv.org/abs/1711.05101")
  }
  static var hyperparameters: [Hyperparameter] {
    Moments<S>.hyperparameters(weightDecay: 1e-2, doc: "A step shrinks each weight by lr times this.")
  }
  static func slots(_ values: HyperparameterValues) -> [Slot] { Moments<S>.slots(values) }

  let moments: Moments<S>
  let objective: Objective<S>
  let kept: S
  let isAMSGrad: Bool

  init(_ values: HyperparameterValues, step: Int) {
    moments = Moments(values, step: step)
    objective = Objective(weightDecay: 0, maximizes: values.isSet(6))
    kept = S(1 - values[0] * values[4])
    isAMSGrad = values.isSet(5)
  }

  func apply(to piece: Piece<S>) {
    if isAMSGrad { updateWithThreeSlots(piece) } else { updateWithTwoSlots(piece) }
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S) {
    p = p * kept
    moments.advance(objective.gradient(g, at: p), &m, &v)
    moments.move(&p, m, v)
  }

  func update(_ p: inout S, _ g: S, _ m: inout S, _ v: inout S, _ vMax: inout S) {
    p = p * kept
    moments.advance(objective.gradient(g, at: p), &m, &v)
    vMax = S.maximum(vMax, v)
    moments.move(&p, m, vMax)
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) {
    [
      optimizer(Adam<Float>.self, Adam<Double>.self, Adam<Recorded>.self),
      optimizer(AdamW<Float>.self, AdamW<Double>.self, AdamW<Recorded>.self),
    ]
  }
}
