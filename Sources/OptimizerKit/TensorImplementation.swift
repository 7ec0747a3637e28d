// Runs an author's formula over whole tensors, and the bases over those that it leaves to them.

import COptPlug

/// An optimizer from a formula over 32-bit and the same over 64-bit floats.
public func optimizer<F: TensorFormula, D: TensorFormula>(_ float: F.Type, _ double: D.Type)
  -> OptimizerDescription
where F.S == Float, D.S == Double {
  OptimizerDescription(TensorImplementation<F, D>(baseRoles: []))
}

/// An optimizer with bases from a formula over 32-bit and the same over 64-bit floats.
public func wrapper<F: RoutingFormula, D: RoutingFormula>(_ float: F.Type, _ double: D.Type)
  -> OptimizerDescription
where F.S == Float, D.S == Double {
  OptimizerDescription(RoutingImplementation<F, D>(baseRoles: F.baseRoles))
}

/// What shared loops call: the part of an implementation that is not generic.
class TensorWork: Implementation {
  func work(_ part: Int, of loop: TensorLoop) {}
}

/// An optimizer made of a formula over `Float` and the same formula over `Double`.
class TensorImplementation<F: TensorFormula, D: TensorFormula>: TensorWork where F.S == Float, D.S == Double {
  init(baseRoles: [StaticString]) {
    super.init(F.about, F.hyperparameters, granularity: .tensors, baseRoles: baseRoles)
  }

  override func check(_ values: HyperparameterValues) -> StaticString? { F.check(values) }

  override func begin(_ instance: Instance) -> StaticString? {
    instance.services = HostServices(F.services, of: instance.host)
    return instance.services.missing(of: F.services)
  }

  override func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status {
    var scratch = 0
    for i in 0..<plan.pointee.parameters.count {
      let (parameter, values) = (plan.pointee.parameter(i), plan.pointee.values(of: i))
      let shape = TensorShape(parameter)
      let status = plan.pointee.addSlots(F.slots(shape, values), plan, parameter: i)
      guard status == OPTPLUG_OK else { return status }
      let isDouble = parameter.pointee.dtype.bits == 64
      scratch = max(scratch, isDouble ? D.scratchBytes(shape, values) : F.scratchBytes(shape, values))
    }
    F.planned(Int(plan.pointee.parameters.count), instance.services)
    guard scratch > 0 else { return OPTPLUG_OK }
    guard let setScratch = plan.pointee.set_scratch else { return OPTPLUG_INVALID_ARGUMENT }
    return setScratch(plan, UInt64(scratch), 0)
  }

  override func step(
    _ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut
  ) -> optplug_status {
    for (i, base) in instance.bases.enumerated() {
      guard let step = base.optimizer.pointee.step, let child = frame.pointee.children?[i] else {
        return fail(error, OPTPLUG_INVALID_ARGUMENT, "the host gave no frame for the base")
      }
      let status = step(base.instance, child, error)
      guard status == OPTPLUG_OK else { return status }
    }
    var problem: StaticString?
    let status = frame.pointee.dispatch(
      error, float: { problem = run(F.self, instance, frame) },
      double: { problem = run(D.self, instance, frame) })
    return problem.map { fail(error, OPTPLUG_INTERNAL, $0) } ?? status
  }

  /// What went wrong, or nil.
  private final func run<G: TensorFormula>(
    _: G.Type, _ instance: Instance, _ frame: UnsafePointer<optplug_frame>
  ) -> StaticString? {
    for segment in Segments(frame) {
      let shape = TensorShape(frame.pointee.parameter(segment.pointee.parameter_index))
      let formula = G(
        frame.pointee.values(segment.pointee.group_index), step: Int(segment.pointee.parameter_step))
      do throws(TensorFailure) {
        try withUnsafePointer(to: formula) { formula throws(TensorFailure) in
          try formula.pointee.update(
            WholeTensor(
              segment, of: frame, shape: shape, services: instance.services,
              sharing: .init(implementation: self, formula: UnsafeRawPointer(formula))))
        }
      } catch {
        return error.message
      }
    }
    return nil
  }

  override func work(_ part: Int, of loop: TensorLoop) {
    if loop.isDouble { work(D.self, part, of: loop) } else { work(F.self, part, of: loop) }
  }

  private final func work<G: TensorFormula>(_: G.Type, _ part: Int, of loop: TensorLoop) {
    loop.formula.assumingMemoryBound(to: G.self).pointee.work(
      part, of: loop.stage, on: loop.tensor.assumingMemoryBound(to: WholeTensor<G.S>.self).pointee)
  }
}

/// An optimizer that leaves some tensors to its bases.
final class RoutingImplementation<F: RoutingFormula, D: RoutingFormula>: TensorImplementation<F, D>
where F.S == Float, D.S == Double {
  override func route(_ parameter: UnsafePointer<optplug_parameter>, _ values: HyperparameterValues) -> UInt32
  {
    switch F.route(TensorShape(parameter), values) {
    case .own: OPTPLUG_ROUTE_SELF
    case .base(let number): UInt32(number)
    }
  }
}

extension TensorShape {
  init(_ parameter: UnsafePointer<optplug_parameter>) {
    self.init(
      parameter.pointee.shape, dimensions: Int(parameter.pointee.ndim), count: Int(parameter.pointee.count))
  }
}
