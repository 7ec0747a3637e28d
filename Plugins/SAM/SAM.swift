// SAM: a base optimizer that gets its gradient where the loss nearby is greatest.

import COptPlug
import OptimizerKit

/// Sharpness-aware minimization. A step evaluates the loss twice: with the gradient g at the weights p,
/// ```
/// ε ← rho · g / (‖g‖ + 1e-12)             ‖·‖ over all parameters with a gradient
/// ε ← rho · p² · g / (‖p · g‖ + 1e-12)    adaptive
/// ```
/// and again at p + ε. Then the weights are put back, every bit of them, and the base steps with the second gradient.
/// Gradients are what the trainer makes of them: with clipping, each of the two is clipped.
///
/// Sources: Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving Generalization", Algorithm 1,
/// https://arxiv.org/abs/2010.01412; adaptive: Kwon et al. 2021, "ASAM", equation 8 with T = |p|,
/// https://arxiv.org/abs/2102.11600 (whose small constant beside |p| we leave out, as most implementations do).
struct SAM<S: Scalar>: StagedWrapperFormula {
  static var about: About {
    About(
      name: "sam", summary: "Steps a base with the gradient at the worst point nearby.",
      url: "https://arxiv.org/abs/2010.01412")
  }

  static var hyperparameters: [Hyperparameter] {
    [
      .float("rho", 0.05, min: 0, doc: "How far away the second gradient is taken."),
      .boolean("adaptive", false, doc: "Measure the distance in units of each weight (ASAM)."),
    ]
  }

  static var traits: WrapperTraits { [.actsBefore, .reevaluates] }
  static var phases: WrapperPhases { WrapperPhases(2, reductions: [.sum]) }
  static func slots(_ values: HyperparameterValues) -> [Slot] { [Slot("original", .other)] }

  static func wantsReevaluation(_ values: HyperparameterValues, _ moment: StepMoment) -> Bool {
    moment.pass == 0
  }

  private let isFirstPass, isAdaptive: Bool
  private let reach: S

  init?(_ values: HyperparameterValues, _ moment: StepMoment) {
    isFirstPass = moment.pass == 0
    isAdaptive = values.isSet(1)
    reach = S(values[0] / (moment.model(0).squareRoot() + 1e-12))
  }

  func collect(from piece: Piece<S>, into partials: Partials) {
    // The second gradient's norm is not needed.
    guard isFirstPass else { return }
    if isAdaptive {
      piece.collect(into: partials) { p, g in
        let scaled = S.double(p * g)
        return scaled * scaled
      }
    } else {
      piece.collect(into: partials) { _, g in S.double(g) * S.double(g) }
    }
  }

  func prepareReevaluation(_ piece: Piece<S>) {
    if isAdaptive {
      piece.forEachWithGradient(piece.slot(0)) { p, g, original in
        original = p
        p = p + p * p * g * reach
      }
    } else {
      piece.forEachWithGradient(piece.slot(0)) { p, g, original in
        original = p
        p = p + g * reach
      }
    }
  }

  func before(_ piece: Piece<S>) {
    piece.forEach(piece.parameter, piece.slot(0)) { p, original in p = original }
  }
}

@c @implementation
public func optplug_entry_v1(
  _ host: UnsafePointer<optplug_host>?, _ library: UnsafeMutablePointer<UnsafePointer<optplug_library>?>?,
  _ error: UnsafeMutablePointer<optplug_error>?
) -> optplug_status {
  provide(library) { [wrapper(SAM<Float>.self, SAM<Double>.self)] }
}
