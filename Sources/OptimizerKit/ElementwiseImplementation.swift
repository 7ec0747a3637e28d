// Runs a leaf's formula over a frame.

import COptPlug

/// An optimizer made of a formula over `Float` and the same formula over `Double`.
final class ElementwiseImplementation<F: Formula, D: Formula>: Implementation
where F.S == Float, D.S == Double {
  init() {
    super.init(F.about, F.hyperparameters, capabilities: OPTPLUG_CAPABILITY_JOINED_PARAMETERS)
  }

  override func check(_ values: HyperparameterValues) -> StaticString? { F.check(values) }

  override func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status {
    plan.pointee.addSlots(plan) { values, _ in F.slots(values) }
  }

  override func step(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    frame.pointee.dispatch(error, float: { run(F.self, frame) }, double: { run(D.self, frame) })
  }

  @inline(__always) private func run<G: Formula>(_: G.Type, _ frame: UnsafePointer<optplug_frame>) {
    let scale = G.S(frame.pointee.gradient_scale)
    var segments = Segments(frame)
    var next = segments.next()
    while let first = next {
      // Neighbouring segments mostly share group and step, and thereby the constants.
      let (group, step) = (first.pointee.group_index, first.pointee.parameter_step)
      let formula = G(frame.pointee.values(group), step: Int(step))
      while let segment = next, segment.pointee.group_index == group, segment.pointee.parameter_step == step {
        apply(formula, to: segment, scale)
        next = segments.next()
      }
    }
  }

  /// Apart from the loop over segments, or the compiler would no longer make a loop over elements for each choice that
  /// is the same for all of them, and choose for every element instead: twice the instructions.
  @inline(never) private func apply<G: Formula>(
    _ formula: G, to segment: UnsafePointer<optplug_segment>, _ scale: G.S
  ) {
    formula.apply(to: Piece(segment, gradientScale: scale))
  }
}
