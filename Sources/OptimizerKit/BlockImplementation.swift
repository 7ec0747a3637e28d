// Runs a block formula over a frame.

import COptPlug

/// An optimizer made of a block formula over `Float` and the same formula over `Double`.
final class BlockImplementation<F: BlockFormula, D: BlockFormula>: Implementation
where F.S == Float, D.S == Double {
  private let length = F.blockLength
  /// Bytes from one working array to the next: a multiple of 64.
  private let workingStride = (F.blockLength * 8 + 63) / 64 * 64

  init() { super.init(F.about, F.hyperparameters, granularity: .blocks(UInt32(F.blockLength))) }

  override func check(_ values: HyperparameterValues) -> StaticString? { F.check(values) }

  override func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status {
    if F.workingArrays > 0 {
      guard let setScratch = plan.pointee.set_scratch else { return OPTPLUG_INVALID_ARGUMENT }
      let status = setScratch(plan, UInt64(F.workingArrays * workingStride), 0)
      guard status == OPTPLUG_OK else { return status }
    }
    return plan.pointee.addSlots(plan) { values, count in F.slots(values, count: count) }
  }

  override func step(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    frame.pointee.dispatch(error, float: { run(F.self, frame) }, double: { run(D.self, frame) })
  }

  @inline(__always) private func run<G: BlockFormula>(_: G.Type, _ frame: UnsafePointer<optplug_frame>) {
    for segment in Segments(frame) {
      let formula = G(
        frame.pointee.values(segment.pointee.group_index), step: Int(segment.pointee.parameter_step))
      update(formula, segment, frame)
    }
  }

  @inline(never) private func update<G: BlockFormula>(
    _ formula: G, _ segment: UnsafePointer<optplug_segment>, _ frame: UnsafePointer<optplug_frame>
  ) {
    let count = Int(segment.pointee.count)
    let tensorCount = Int(frame.pointee.parameter(segment.pointee.parameter_index).pointee.count)
    let parameter = segment.pointee.parameter.assumingMemoryBound(to: G.S.self)
    let gradient = segment.pointee.gradient.assumingMemoryBound(to: G.S.self)
    let scale = G.S(frame.pointee.gradient_scale)
    var (start, number) = (0, 0)
    while start < count {
      formula.update(
        Block(
          count: min(length, count - start), tensorCount: tensorCount, parameter: parameter + start,
          gradientElements: gradient + start, gradientScale: scale, slots: segment.pointee.slots,
          elementsBefore: start, blocksBefore: number, working: frame.pointee.scratch,
          workingStride: workingStride))
      start += length
      number += 1
    }
  }
}

/// An optimizer from a block formula over 32-bit and the same over 64-bit floats.
public func optimizer<F: BlockFormula, D: BlockFormula>(_ float: F.Type, _ double: D.Type)
  -> OptimizerDescription
where F.S == Float, D.S == Double {
  OptimizerDescription(BlockImplementation<F, D>())
}
