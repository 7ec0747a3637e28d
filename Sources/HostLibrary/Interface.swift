// The functions of optplug_host.h.

import COptPlugHost
import BasicFoundation
import OptimizerHost

extension OpaquePointer {
  /// - Parameter settling: whether to wait for replays of graphs that hold steps of it.
  /// - Throws: `HostError` for NULL, and in the middle of a step.
  fileprivate static func optimizer(_ pointer: OpaquePointer?, settling: Bool = true) throws -> HostOptimizer
  {
    guard let pointer else { throw HostError.argument("the optimizer is NULL") }
    let host = Unmanaged<HostOptimizer>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    guard !host.optimizer.isStepping else {
      throw HostError.argument("the optimizer may not be used inside reevaluate")
    }
    if settling { try host.settle() }
    return host
  }
}

@c @implementation
public func optplug_host_minor() -> UInt32 { UInt32(OPTPLUG_HOST_MINOR) }

@c @implementation
public func optplug_host_open(
  _ options: UnsafePointer<optplug_host_options>!, _ optimizer: UnsafeMutablePointer<OpaquePointer?>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    guard let optimizer else { throw HostError.argument("there is no room for the optimizer") }
    optimizer.pointee = nil
    let made = try HostOptimizer.main.withLock { try HostOptimizer(options) }
    optimizer.pointee = OpaquePointer(Unmanaged.passRetained(made).toOpaque())
  }
}

@c @implementation
public func optplug_host_close(_ optimizer: OpaquePointer!) {
  guard let optimizer else { return }
  HostOptimizer.main.withLock {
    Unmanaged<HostOptimizer>.fromOpaque(UnsafeRawPointer(optimizer)).release()
  }
}

@c @implementation
public func optplug_host_describe(
  _ expression: UnsafePointer<CChar>!, _ searchPath: UnsafePointer<CChar>!, _ probe: UnsafePointer<CChar>!,
  _ text: UnsafeMutablePointer<CChar>!, _ capacity: UInt64, _ size: UnsafeMutablePointer<UInt64>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    let described = try HostOptimizer.main.withLock {
      let registry = HostOptimizer.registry(searchPath, probe)
      guard let expression else { return try registry.json(of: registry.list()) }
      return try registry.describe(OptimizerExpression(parsing: String(cString: expression))).json()
    }
    try hand([Array(described.utf8), [0]], to: text, capacity, size)
  }
}

@c @implementation
public func optplug_host_look(
  _ optimizer: OpaquePointer!, _ view: UnsafeMutablePointer<optplug_host_view>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    guard let view else { throw HostError.argument("the view is NULL") }
    let host = try OpaquePointer.optimizer(optimizer)
    try host.view().show(host.optimizer, in: view)
  }
}

@c @implementation
public func optplug_host_program_problem(
  _ optimizer: OpaquePointer!, _ problem: UnsafeMutablePointer<UnsafePointer<CChar>?>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    guard let problem else { throw HostError.argument("there is no room for the problem") }
    problem.pointee = UnsafePointer(try OpaquePointer.optimizer(optimizer).programProblem())
  }
}

@c @implementation
public func optplug_host_get(
  _ optimizer: OpaquePointer!, _ index: UInt32, _ group: UInt32, _ value: UnsafeMutablePointer<Double>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    let host = try OpaquePointer.optimizer(optimizer)
    let cell = try host.cell(index)
    guard let value else { throw HostError.argument("there is no room for the value") }
    guard group < host.optimizer.groupCount else {
      throw HostError.argument("there is no group \(group); there are \(host.optimizer.groupCount)")
    }
    value.pointee = host.optimizer.value(of: cell, group: Int(group))
  }
}

@c @implementation
public func optplug_host_set(
  _ optimizer: OpaquePointer!, _ index: UInt32, _ group: UInt32, _ value: Double,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    let host = try OpaquePointer.optimizer(optimizer)
    try host.optimizer.set(
      host.cell(index), to: value, group: group == OPTPLUG_HOST_ALL_GROUPS ? nil : Int(group))
  }
}

@c @implementation
public func optplug_host_find(
  _ optimizer: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ index: UnsafeMutablePointer<UInt32>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    let host = try OpaquePointer.optimizer(optimizer)
    guard let name, let index else {
      throw HostError.argument("the name is NULL, or there is no room for the index")
    }
    index.pointee = UInt32(try host.optimizer.place(of: String(cString: name)))
  }
}

@c @implementation
public func optplug_host_step(
  _ optimizer: OpaquePointer!, _ arguments: UnsafeMutablePointer<optplug_host_step_arguments>!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    guard let arguments else { throw HostError.argument("the step's arguments are NULL") }
    try OpaquePointer.optimizer(optimizer, settling: false).step(arguments)
  }
}

@c @implementation
public func optplug_host_enter_evaluation(
  _ optimizer: OpaquePointer!, _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { try OpaquePointer.optimizer(optimizer).enterEvaluation() }
}

@c @implementation
public func optplug_host_leave_evaluation(
  _ optimizer: OpaquePointer!, _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { try OpaquePointer.optimizer(optimizer).leaveEvaluation() }
}

@c @implementation
public func optplug_host_move(
  _ optimizer: OpaquePointer!, _ parameter: UInt32, _ data: UnsafeMutableRawPointer!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { try OpaquePointer.optimizer(optimizer).move(parameter, to: data) }
}

@c @implementation
public func optplug_host_move_state(
  _ optimizer: OpaquePointer!, _ array: UInt32, _ data: UnsafeMutableRawPointer!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { try OpaquePointer.optimizer(optimizer).move(array: array, to: data) }
}

@c @implementation
public func optplug_host_save(
  _ optimizer: OpaquePointer!, _ bytes: UnsafeMutableRawPointer!, _ capacity: UInt64,
  _ size: UnsafeMutablePointer<UInt64>!, _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { try hand(OpaquePointer.optimizer(optimizer).save(), to: bytes, capacity, size) }
}

@c @implementation
public func optplug_host_restore(
  _ optimizer: OpaquePointer!, _ bytes: UnsafeRawPointer!, _ size: UInt64,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    let host = try OpaquePointer.optimizer(optimizer)
    guard let bytes, let count = Int(exactly: size) else {
      throw HostError.argument("there is no state to restore")
    }
    try host.restore(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
  }
}

@c @implementation
public func optplug_host_reset(
  _ optimizer: OpaquePointer!, _ parameter: UInt32, _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    try withUnsafePointer(to: parameter) {
      try OpaquePointer.optimizer(optimizer).reset(UnsafeBufferPointer(start: $0, count: 1))
    }
  }
}

@c @implementation
public func optplug_host_reset_several(
  _ optimizer: OpaquePointer!, _ parameters: UnsafePointer<UInt32>!, _ count: UInt32,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    guard parameters != nil || count == 0 else {
      throw HostError.argument("there are no parameters to reset")
    }
    try OpaquePointer.optimizer(optimizer).reset(UnsafeBufferPointer(start: parameters, count: Int(count)))
  }
}

@c @implementation
public func optplug_host_state_changed(
  _ optimizer: OpaquePointer!, _ step: UInt64, _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { try OpaquePointer.optimizer(optimizer).stateHasChanged(step: step) }
}

@c @implementation
public func optplug_host_use_cuda(
  _ optimizer: OpaquePointer!, _ device: Int32, _ stream: UnsafeMutableRawPointer!,
  _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) {
    try OpaquePointer.optimizer(optimizer, settling: false).use(device: device, stream: stream)
  }
}

@c @implementation
public func optplug_host_settle(
  _ optimizer: OpaquePointer!, _ error: UnsafeMutablePointer<optplug_error>!
) -> optplug_status {
  answer(error) { _ = try OpaquePointer.optimizer(optimizer) }
}

/// Tells the size of all parts together and copies them where there is room.
private func hand(
  _ parts: [[UInt8]], to place: UnsafeMutableRawPointer?, _ capacity: UInt64,
  _ size: UnsafeMutablePointer<UInt64>?
) throws {
  guard let size else { throw HostError.argument("there is no room for the size") }
  size.pointee = UInt64(parts.reduce(0) { $0 + $1.count })
  guard var place, capacity >= size.pointee else { return }
  for part in parts {
    UnsafeMutableRawBufferPointer(start: place, count: part.count).copyBytes(from: part)
    place += part.count
  }
}
