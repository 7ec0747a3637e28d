// Runs a wrapper: the base first, then the wrapper's formula over the same pieces.

import COptPlug

/// A wrapper made of a formula over `Float` and the same formula over `Double`.
///
/// A parameter's slots lie in the order: the author's own, those borrowed from the base, a copy beside each of
/// the borrowed ones where the author asked for copies.
final class WrapperImplementation<F: WrapperFormula, D: WrapperFormula>: Implementation
where F.S == Float, D.S == Double {
  init() {
    super.init(
      F.about, F.hyperparameters, extensions: WrapperExtensions(),
      capabilities: OPTPLUG_CAPABILITY_NULL_GRADIENT | OPTPLUG_CAPABILITY_JOINED_PARAMETERS,
      baseRoles: ["base"])
  }

  override func check(_ values: HyperparameterValues) -> StaticString? { F.check(values) }

  override func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status {
    instance.borrowedCounts = []
    for i in 0..<plan.pointee.parameters.count {
      let values = plan.pointee.values(of: i)
      var status = plan.pointee.addSlots(F.slots(values), plan, parameter: i)
      guard status == OPTPLUG_OK else { return status }
      var borrowed: UInt32 = 0
      if let borrowing = F.borrowing(values) {
        status = borrow(borrowing, plan, parameter: i, count: &borrowed)
        guard status == OPTPLUG_OK else { return status }
      }
      instance.borrowedCounts.append(Int32(borrowed))
    }
    return OPTPLUG_OK
  }

  private func borrow(
    _ borrowing: Borrowing, _ plan: UnsafePointer<optplug_plan>, parameter: UInt32, count: inout UInt32
  ) -> optplug_status {
    guard let borrowSlot = plan.pointee.borrow_slot else { return OPTPLUG_INVALID_ARGUMENT }
    while true {
      var index: UInt32 = 0
      let status = borrowSlot(plan, parameter, 0, borrowing.role.code, count, &index)
      if status == OPTPLUG_NOT_FOUND { break }
      guard status == OPTPLUG_OK else { return status }
      count += 1
    }
    guard let copies = borrowing.copies else { return OPTPLUG_OK }
    for i in 0..<count {
      let status = withNumberedName(copies, i) {
        plan.pointee.addSlot(
          $0, .other, initial: UInt32(OPTPLUG_INITIAL_ZERO), plan, parameter: parameter)
      }
      guard status == OPTPLUG_OK else { return status }
    }
    return OPTPLUG_OK
  }

  override func step(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    guard let base = instance.bases.first, let baseStep = base.optimizer.pointee.step,
      let child = frame.pointee.children?[0]
    else { return fail(error, OPTPLUG_INVALID_ARGUMENT, "the host gave no frame for the base") }
    let status = baseStep(base.instance, child, error)
    guard status == OPTPLUG_OK else { return status }
    return frame.pointee.dispatch(
      error, float: { run(F.self, instance, frame) }, double: { run(D.self, instance, frame) })
  }

  @inline(__always) private func run<G: WrapperFormula>(
    _: G.Type, _ instance: Instance, _ frame: UnsafePointer<optplug_frame>
  ) {
    var segments = Segments(frame)
    var next = segments.next()
    while let first = next {
      let group = first.pointee.group_index
      let formula = G(frame.pointee.values(group), step: Int(frame.pointee.step))
      while let segment = next, segment.pointee.group_index == group {
        if let formula {
          let borrowed = instance.borrowedCounts[Int(segment.pointee.parameter_index)]
          formula.apply(to: Piece(segment, gradientScale: G.S(1), borrowedSlots: Int(borrowed)))
        }
        next = segments.next()
      }
    }
  }

  override func exchangeEvaluationWeights(
    _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    frame.pointee.dispatch(error, float: { exchange(F.self, frame) }, double: { exchange(D.self, frame) })
  }

  @inline(__always) private func exchange<G: WrapperFormula>(_: G.Type, _ frame: UnsafePointer<optplug_frame>)
  {
    for segment in Segments(frame) {
      let values = frame.pointee.values(segment.pointee.group_index)
      guard let slot = G.evaluationSlot(values, step: Int(frame.pointee.step)) else { continue }
      let piece = Piece<G.S>(segment, gradientScale: G.S(1))
      piece.forEach(piece.parameter, piece.slot(slot)) { weight, other in swap(&weight, &other) }
    }
  }

  override func restartsBase(_ values: HyperparameterValues, step: UInt64) -> Bool {
    F.restartsBase(values, step: Int(step))
  }
}

/// Calls `body` with `name`, or with `name` and a number behind it for all but the first.
private func withNumberedName(
  _ name: StaticString, _ number: UInt32, _ body: (UnsafePointer<CChar>) -> optplug_status
) -> optplug_status {
  guard number > 0 else { return body(name.cString) }
  var bytes = [CChar]()
  for i in 0..<name.utf8CodeUnitCount { bytes.append(name.cString[i]) }
  var digits = [CChar]()
  var rest = number
  while rest > 0 {
    digits.append(CChar(48 + rest % 10))
    rest /= 10
  }
  for digit in digits { bytes.insert(digit, at: name.utf8CodeUnitCount) }
  bytes.append(0)
  return bytes.withUnsafeBufferPointer { body($0.baseAddress.unsafelyUnwrapped) }
}
