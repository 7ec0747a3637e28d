// Runs a leaf's formula that needs numbers of whole tensors: one sweep that collects, one that updates.

import COptPlug

/// An optimizer made of a reducing formula over `Float` and the same formula over `Double`.
final class ReducingImplementation<F: ReducingFormula, D: ReducingFormula>: Implementation
where F.S == Float, D.S == Double {
  private let reductions = F.reductions

  init() { super.init(F.about, F.hyperparameters) }

  override func check(_ values: HyperparameterValues) -> StaticString? { F.check(values) }

  override func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status {
    let status = plan.pointee.setPhases(2, reductions, plan)
    guard status == OPTPLUG_OK else { return status }
    return plan.pointee.addSlots(plan) { values, _ in F.slots(values) }
  }

  override func step(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    if frame.pointee.phase == 0 {
      return frame.pointee.dispatch(
        error, float: { collect(F.self, frame) }, double: { collect(D.self, frame) })
    }
    return frame.pointee.dispatch(error, float: { update(F.self, frame) }, double: { update(D.self, frame) })
  }

  @inline(__always) private func collect<G: ReducingFormula>(_: G.Type, _ frame: UnsafePointer<optplug_frame>)
  {
    guard var totals = frame.pointee.partials,
      let terms = frame.pointee.scratch?.assumingMemoryBound(to: Double.self)
    else { return }
    for segment in Segments(frame) {
      let formula = G(
        frame.pointee.values(segment.pointee.group_index), step: Int(segment.pointee.parameter_step))
      collect(
        formula, from: Piece(segment, gradientScale: G.S(frame.pointee.gradient_scale)),
        into: Partials(totals: totals, terms: terms, reductions: reductions))
      totals += reductions.count
    }
  }

  @inline(__always) private func update<G: ReducingFormula>(_: G.Type, _ frame: UnsafePointer<optplug_frame>)
  {
    guard let numbers = frame.pointee.tensor_reductions else { return }
    for segment in Segments(frame) {
      var formula = G(
        frame.pointee.values(segment.pointee.group_index), step: Int(segment.pointee.parameter_step))
      let number = segment.pointee.parameter_index
      formula.learn(
        ReducedTensor(
          dimensions: Int(frame.pointee.parameter(number).pointee.ndim),
          numbers + Int(number) * reductions.count))
      apply(formula, to: Piece(segment, gradientScale: G.S(frame.pointee.gradient_scale)))
    }
  }

  // Apart from the loops over segments, as in ElementwiseImplementation.

  @inline(never) private func collect<G: ReducingFormula>(
    _ formula: G, from piece: Piece<G.S>, into partials: Partials
  ) {
    formula.collect(from: piece, into: partials)
  }

  @inline(never) private func apply<G: ReducingFormula>(_ formula: G, to piece: Piece<G.S>) {
    formula.apply(to: piece)
  }
}

/// An optimizer from a reducing formula over 32-bit and the same over 64-bit floats.
public func optimizer<F: ReducingFormula, D: ReducingFormula>(_ float: F.Type, _ double: D.Type)
  -> OptimizerDescription
where F.S == Float, D.S == Double {
  OptimizerDescription(ReducingImplementation<F, D>())
}
