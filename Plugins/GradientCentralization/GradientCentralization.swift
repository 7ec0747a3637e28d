// Gradient centralization: a base optimizer that gets gradients whose rows have a mean of zero.

import COptPlug
import OptimizerKit

/// For the gradient of a tensor of more than one axis, over everything but its first axis:
/// ```
/// g[i, …] ← g[i, …] − mean(g[i, …])
/// ```
/// Source: Yong et al. 2020, "Gradient Centralization: A New Optimization Technique for Deep Neural Networks",
/// equation 1, https://arxiv.org/abs/2004.01461; `conv_only` as in https://github.com/Yonghongwei/Gradient-Centralization.
///
/// A row must be seen whole, and rows have no length that all tensors share: so the wrapper takes whole tensors. Those
/// that it leaves alone (biases, scales) it hands to the base past itself, which may cut them as it likes.
struct GradientCentralization<S: Scalar>: StagedWrapperFormula {
  static var about: About {
    About(
      name: "gradient-centralization", summary: "Takes the mean off every row of a base's gradients.",
      url: "https://arxiv.org/abs/2004.01461")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .boolean(
        "conv_only", false, .structural, doc: "Only where tensors have more than three axes (convolutions).")
    ]
  }

  static var traits: WrapperTraits { [.changesGradient, .wholeTensors] }
  static func slots(_ values: HyperparameterValues) -> [Slot] { [] }

  static func wraps(axes: Int, _ values: HyperparameterValues) -> Bool {
    axes > (values.isSet(0) ? 3 : 1)
  }

  init?(_ values: HyperparameterValues, _ moment: StepMoment) {}

  func change(_ gradient: GradientChange<S>) {
    for row in 0..<gradient.rows {
      let mean = gradient.mean(ofRow: row)
      gradient.set(row: row) { g in g - mean }
    }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) {
    [wrapper(GradientCentralization<Float>.self, GradientCentralization<Double>.self)]
  }
}
