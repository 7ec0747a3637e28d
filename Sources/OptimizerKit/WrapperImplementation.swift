// Runs a wrapper: its formula and its base over the same pieces, in the order of the stages.

import COptPlug

/// A wrapper made of a formula over `Float` and the same formula over `Double`.
///
/// A parameter's slots lie in the order: the author's own, those borrowed from the base, a copy beside each of
/// the borrowed ones where the author asked for copies.
final class WrapperImplementation<F: StagedWrapperFormula, D: StagedWrapperFormula>: Implementation
where F.S == Float, D.S == Double {
  private let traits = F.traits
  private let lastPhase: UInt32
  /// Of the numbers collected from each piece.
  private let reductions: [Reduction]

  init() {
    let traits = F.traits
    lastPhase = UInt32(F.phases.count) - 1
    reductions = F.phases.reductions
    var capabilities = OPTPLUG_CAPABILITY_JOINED_PARAMETERS
    if traits.contains(.allParameters) { capabilities |= OPTPLUG_CAPABILITY_NULL_GRADIENT }
    if traits.contains(.actsBefore) { capabilities |= OPTPLUG_CAPABILITY_EVERY_PHASE }
    if traits.contains(.changesGradient) { capabilities |= OPTPLUG_CAPABILITY_CHANGED_GRADIENT }
    if traits.contains(.reevaluates) { capabilities |= OPTPLUG_CAPABILITY_REEVALUATE }
    super.init(
      F.about, F.hyperparameters,
      extensions: WrapperExtensions(hasEvaluationWeights: traits.contains(.evaluationWeights)),
      granularity: traits.contains(.wholeTensors) ? .tensors : .elements, capabilities: capabilities,
      baseRoles: ["base"])
  }

  override func check(_ values: HyperparameterValues) -> StaticString? { F.check(values) }

  override func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status {
    instance.borrowedCounts = []
    if lastPhase > 0 {
      let status = plan.pointee.setPhases(Int(lastPhase) + 1, reductions, plan)
      guard status == OPTPLUG_OK else { return status }
    }
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

  override func route(_ parameter: UnsafePointer<optplug_parameter>, _ values: HyperparameterValues)
    -> UInt32
  {
    F.wraps(axes: Int(parameter.pointee.ndim), values) ? OPTPLUG_ROUTE_ALL : 0
  }

  override func wantsReevaluation(_ instance: Instance, _ pass: UnsafePointer<optplug_pass>) -> Bool {
    guard let values = pass.pointee.hyperparameters?[0] else { return false }
    return F.wantsReevaluation(HyperparameterValues(values), StepMoment(pass, phase: lastPhase))
  }

  override func step(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    guard let base = instance.bases.first, let baseStep = base.optimizer.pointee.step,
      let child = frame.pointee.children?[0]
    else { return fail(error, OPTPLUG_INVALID_ARGUMENT, "the host gave no frame for the base") }
    var status = prepare(instance, frame, error)
    guard status == OPTPLUG_OK else { return status }
    status = baseStep(base.instance, child, error)
    guard status == OPTPLUG_OK, frame.pointee.flags & OPTPLUG_FRAME_LAST != 0 else { return status }
    return run(.after, instance, frame, error)
  }

  /// What a call has to do before the base works, or while it does not.
  private func prepare(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    if frame.pointee.phase < lastPhase { return run(.collect, instance, frame, error) }
    if traits.contains(.reevaluates), frame.pointee.flags & OPTPLUG_FRAME_WORKS == 0 {
      return run(.prepareReevaluation, instance, frame, error)
    }
    if traits.contains(.actsBefore), frame.pointee.flags & OPTPLUG_FRAME_FIRST != 0 {
      let status = run(.before, instance, frame, error)
      guard status == OPTPLUG_OK else { return status }
    }
    return traits.contains(.changesGradient) ? run(.change, instance, frame, error) : OPTPLUG_OK
  }

  private enum Stage { case collect, prepareReevaluation, before, change, after }

  private func run(
    _ stage: Stage, _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    frame.pointee.dispatch(
      error, float: { run(F.self, stage, instance, frame) }, double: { run(D.self, stage, instance, frame) })
  }

  @inline(__always) private func run<G: StagedWrapperFormula>(
    _: G.Type, _ stage: Stage, _ instance: Instance, _ frame: UnsafePointer<optplug_frame>
  ) {
    var segments = Segments(frame)
    let width = reductions.count
    var totals = frame.pointee.partials
    var next = segments.next()
    while let first = next {
      let formula = G(
        frame.pointee.values(first.pointee.group_index), StepMoment(frame, first, width: width))
      while let segment = next, isAlike(segment, first) {
        if let formula {
          act(formula, stage, on: segment, instance, frame, totals)
        } else if case .change = stage {
          passGradient(G.self, segment, frame)
        }
        totals = totals.map { $0 + width }
        next = segments.next()
      }
    }
  }

  /// Gives the bases the gradient as it is, where the formula has nothing to do.
  private func passGradient<G: StagedWrapperFormula>(
    _: G.Type, _ segment: UnsafePointer<optplug_segment>, _ frame: UnsafePointer<optplug_frame>
  ) {
    let piece = Piece<G.S>(segment, gradientScale: G.S(frame.pointee.gradient_scale))
    change(of: piece, segment, frame)?.passOn()
  }

  /// A piece with its room for the bases' gradient; nil where it has none.
  private func change<S: Scalar>(
    of piece: Piece<S>, _ segment: UnsafePointer<optplug_segment>, _ frame: UnsafePointer<optplug_frame>
  ) -> GradientChange<S>? {
    guard let result = segment.pointee.base_gradient else { return nil }
    let shape = frame.pointee.parameter(segment.pointee.parameter_index).pointee
    return GradientChange(
      piece: piece, rows: shape.ndim > 0 ? Int(shape.shape[0]) : 1,
      result: result.assumingMemoryBound(to: S.self))
  }

  /// Whether the constants of one segment serve another.
  @inline(__always) private func isAlike(
    _ a: UnsafePointer<optplug_segment>, _ b: UnsafePointer<optplug_segment>
  ) -> Bool {
    a.pointee.group_index == b.pointee.group_index && a.pointee.parameter_step == b.pointee.parameter_step
      && (reductions.isEmpty || a.pointee.parameter_index == b.pointee.parameter_index)
  }

  /// Apart from the loop over segments, so that choices are made before the loop over elements.
  @inline(never) private func act<G: StagedWrapperFormula>(
    _ formula: G, _ stage: Stage, on segment: UnsafePointer<optplug_segment>, _ instance: Instance,
    _ frame: UnsafePointer<optplug_frame>, _ totals: UnsafeMutablePointer<Double>?
  ) {
    let piece = Piece<G.S>(
      segment, gradientScale: G.S(frame.pointee.gradient_scale),
      borrowedSlots: Int(instance.borrowedCounts[Int(segment.pointee.parameter_index)]))
    switch stage {
    case .collect:
      guard let totals, let terms = frame.pointee.scratch?.assumingMemoryBound(to: Double.self) else {
        return
      }
      formula.collect(from: piece, into: Partials(totals: totals, terms: terms, reductions: reductions))
    case .prepareReevaluation: formula.prepareReevaluation(piece)
    case .before: formula.before(piece)
    case .change:
      if let change = change(of: piece, segment, frame) { formula.change(change) }
    case .after: formula.after(piece)
    }
  }

  override func exchangeEvaluationWeights(
    _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    frame.pointee.dispatch(error, float: { exchange(F.self, frame) }, double: { exchange(D.self, frame) })
  }

  @inline(__always) private func exchange<G: StagedWrapperFormula>(
    _: G.Type, _ frame: UnsafePointer<optplug_frame>
  ) {
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
