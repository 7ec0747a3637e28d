// The functions behind a descriptor: a few C thunks that dispatch once per call to the author's types.

import COptPlug

typealias ErrorOut = UnsafeMutablePointer<optplug_error>?

/// One optimizer of the plugin: what the C thunks call. Generic subclasses hold the author's types.
class Implementation {
  let about: About
  let hyperparameters: [Hyperparameter]
  /// What a wrapper offers beyond `step`; nil for a leaf.
  let extensions: WrapperExtensions?
  /// How far the host may cut, and the elements of a block where it cuts by blocks.
  let granularity: Granularity
  /// Beyond those that every optimizer of the kit has.
  let capabilities: UInt64
  /// Names of the bases; empty for a leaf.
  let baseRoles: [StaticString]
  /// Writes the formula down, where the author has handed it in over `Recorded`.
  var recorder: FormulaRecorder?

  /// How far the host may cut what one call sees.
  enum Granularity {
    case elements
    case blocks(UInt32)
    case tensors
  }

  init(
    _ about: About, _ hyperparameters: [Hyperparameter], extensions: WrapperExtensions? = nil,
    granularity: Granularity = .elements, capabilities: UInt64 = 0, baseRoles: [StaticString] = []
  ) {
    self.about = about
    self.hyperparameters = hyperparameters
    self.extensions = extensions
    self.granularity = granularity
    self.capabilities = capabilities
    self.baseRoles = baseRoles
  }

  func check(_ values: HyperparameterValues) -> StaticString? { nil }
  /// Asks for the host's services when an instance is made; what it cannot do without, or nil.
  func begin(_ instance: Instance) -> StaticString? { nil }
  func plan(_ instance: Instance, _ plan: UnsafePointer<optplug_plan>) -> optplug_status { OPTPLUG_OK }
  func step(_ instance: Instance, _ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut) -> optplug_status
  {
    OPTPLUG_UNIMPLEMENTED
  }
  /// Exchanges parameters and evaluation weights; doing it twice restores every bit.
  func exchangeEvaluationWeights(_ frame: UnsafePointer<optplug_frame>, _ error: ErrorOut) -> optplug_status {
    OPTPLUG_UNIMPLEMENTED
  }
  func restartsBase(_ values: HyperparameterValues, step: UInt64) -> Bool { false }
  /// Who updates a parameter: a base's number or one of the ABI's other answers.
  func route(_ parameter: UnsafePointer<optplug_parameter>, _ values: HyperparameterValues) -> UInt32 {
    OPTPLUG_ROUTE_ALL
  }
  /// Whether the loss is to be evaluated again after this pass.
  func wantsReevaluation(_ instance: Instance, _ pass: UnsafePointer<optplug_pass>) -> Bool { false }
}

/// An optimizer in a host's tree.
final class Instance {
  let implementation: Implementation
  /// As many as the implementation has roles for them.
  let bases: [optplug_base]
  let host: UnsafePointer<optplug_host>?
  /// Per parameter, how many slots `plan` borrowed.
  var borrowedCounts: [Int32] = []
  /// What the host offered of the services that the implementation asked for.
  var services = HostServices([], of: nil)

  init(_ implementation: Implementation, bases: [optplug_base], host: UnsafePointer<optplug_host>?) {
    self.implementation = implementation
    self.bases = bases
    self.host = host
  }

  @inline(__always) static func at(_ pointer: OpaquePointer?) -> Instance {
    Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(pointer.unsafelyUnwrapped)).takeUnretainedValue()
  }
}

let createInstance:
  @convention(c) (
    UnsafePointer<optplug_optimizer>?, UnsafePointer<optplug_host>?, UnsafePointer<optplug_create_info>?,
    UnsafeMutablePointer<OpaquePointer?>?, ErrorOut
  ) -> optplug_status = { optimizer, host, info, instance, error in
    guard let data = optimizer?.pointee.plugin_data, let info, let instance else {
      return OPTPLUG_INVALID_ARGUMENT
    }
    let implementation = Unmanaged<Implementation>.fromOpaque(data).takeUnretainedValue()
    let span = info.pointee.bases
    guard Int(span.count) == implementation.baseRoles.count else {
      return fail(error, OPTPLUG_INVALID_ARGUMENT, "the number of bases is not the one described")
    }
    var bases: [optplug_base] = []
    for i in 0..<Int(span.count) {
      guard let data = span.data else { return OPTPLUG_INVALID_ARGUMENT }
      bases.append((data + i * Int(span.stride)).assumingMemoryBound(to: optplug_base.self).pointee)
    }
    let made = Instance(implementation, bases: bases, host: host)
    if let problem = implementation.begin(made) { return fail(error, OPTPLUG_FAILED_PRECONDITION, problem) }
    instance.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
    return OPTPLUG_OK
  }

let destroyInstance: @convention(c) (OpaquePointer?) -> Void = { instance in
  guard let instance else { return }
  Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(instance)).release()
}

let checkValues:
  @convention(c) (UnsafePointer<optplug_optimizer>?, UnsafePointer<Double>?, ErrorOut) -> optplug_status = {
    optimizer, values, error in
    guard let data = optimizer?.pointee.plugin_data, let values else { return OPTPLUG_INVALID_ARGUMENT }
    let implementation = Unmanaged<Implementation>.fromOpaque(data).takeUnretainedValue()
    guard let problem = implementation.check(HyperparameterValues(values)) else { return OPTPLUG_OK }
    return fail(error, OPTPLUG_INVALID_ARGUMENT, problem)
  }

let planInstance: @convention(c) (OpaquePointer?, UnsafePointer<optplug_plan>?, ErrorOut) -> optplug_status =
  {
    instance, plan, _ in
    guard let plan else { return OPTPLUG_INVALID_ARGUMENT }
    let instance = Instance.at(instance)
    return instance.implementation.plan(instance, plan)
  }

let stepInstance: @convention(c) (OpaquePointer?, UnsafePointer<optplug_frame>?, ErrorOut) -> optplug_status =
  {
    instance, frame, error in
    guard let frame else { return OPTPLUG_INVALID_ARGUMENT }
    let instance = Instance.at(instance)
    return instance.implementation.step(instance, frame, error)
  }

let routeParameter:
  @convention(c) (
    UnsafePointer<optplug_optimizer>?, UnsafePointer<optplug_parameter>?, UnsafePointer<Double>?
  )
    -> UInt32 = { optimizer, parameter, values in
      guard let data = optimizer?.pointee.plugin_data, let parameter, let values else {
        return OPTPLUG_ROUTE_ALL
      }
      let implementation = Unmanaged<Implementation>.fromOpaque(data).takeUnretainedValue()
      return implementation.route(parameter, HyperparameterValues(values))
    }

let decideInstance:
  @convention(c) (OpaquePointer?, UnsafePointer<optplug_pass>?, UnsafeMutablePointer<UInt32>?, ErrorOut) ->
    optplug_status = { instance, pass, verdict, _ in
      guard let pass, let verdict else { return OPTPLUG_INVALID_ARGUMENT }
      let instance = Instance.at(instance)
      let again = instance.implementation.wantsReevaluation(instance, pass)
      verdict.pointee = again ? OPTPLUG_VERDICT_REEVALUATE : OPTPLUG_VERDICT_DONE
      return OPTPLUG_OK
    }

let findExtension:
  @convention(c) (UnsafePointer<optplug_optimizer>?, UnsafePointer<CChar>?) -> UnsafeRawPointer? = {
    optimizer, id in
    guard let data = optimizer?.pointee.plugin_data, let id else { return nil }
    return Unmanaged<Implementation>.fromOpaque(data).takeUnretainedValue().find(id)
  }

/// Writes `message` for the host and answers `status`.
func fail(_ error: ErrorOut, _ status: optplug_status, _ message: StaticString) -> optplug_status {
  guard let error, let out = error.pointee.message, error.pointee.message_capacity > 0 else { return status }
  let count = min(message.utf8CodeUnitCount, Int(error.pointee.message_capacity) - 1)
  for i in 0..<count { out[i] = message.cString[i] }
  out[count] = 0
  return status
}
