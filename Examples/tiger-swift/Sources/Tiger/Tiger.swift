// Tiger: the tightest optimizer with one momentum, by its sign.

import COptPlug
import OptimizerKit

/// Su 2023, https://github.com/bojone/tiger:
/// ```
/// m ← beta·m + (1 − beta)·g
/// p ← p − lr · (sign(m) + weight_decay · p)
/// ```
struct Tiger<S: Scalar>: OneSlotFormula {
  static var about: About {
    About(name: "tiger", summary: "Steps by the sign of a momentum.", url: "https://github.com/bojone/tiger")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("lr", 1e-3, min: 0, doc: "Step size."),
      .float("beta", 0.965, min: 0, max: 1, doc: "Decay of the momentum."),
      .float("weight_decay", 0.01, min: 0, doc: "A step shrinks each weight by lr times this."),
    ]
  }

  static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("exp_avg", .firstMoment)] }

  let minusLR, kept, gain: S

  init(_ values: HyperparameterValues, step: Int) {
    minusLR = S(-values[0])
    gain = S(1 - values[1])
    kept = S(1 - values[0] * values[2])
  }

  func update(_ p: inout S, _ g: S, _ m: inout S) {
    m = S.fma(gain, g - m, m)
    p = S.fma(S.sign(m), minusLR, p * kept)
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [optimizer(Tiger<Float>.self, Tiger<Double>.self, Tiger<Recorded>.self)] }
}
