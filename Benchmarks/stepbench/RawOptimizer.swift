// An optimizer used through the ABI alone, with no host between.

import COptPlug
import Foundation

/// One parameter of a few elements and what a frame shows of it. Lives as long as the process.
struct RawParameter {
  let count: Int
  let values: UnsafeMutablePointer<Float>
  let gradient: UnsafeMutablePointer<Float>
  let table: optplug_span

  init(count: Int) {
    self.count = count
    values = zeroed(count)
    gradient = zeroed(count)
    for i in 0..<count {
      values[i] = Float(i) / 64 - 0.5
      gradient[i] = Float(i + 1) / 4096
    }
    let shape: UnsafeMutablePointer<Int64> = zeroed(1)
    shape.pointee = Int64(count)
    let parameter: UnsafeMutablePointer<optplug_parameter> = zeroed(1)
    parameter.pointee.name = UnsafePointer(strdup("parameter"))
    parameter.pointee.shape = UnsafePointer(shape)
    parameter.pointee.count = Int64(count)
    parameter.pointee.ndim = 1
    parameter.pointee.dtype = float32
    parameter.pointee.device = optplug_device(type: OPTPLUG_DEVICE_CPU, id: 0)
    table = span(parameter, 1)
  }
}

/// An optimizer of a plugin, planned for one parameter, with a frame that its step can be called with.
struct RawOptimizer {
  typealias Step =
    @convention(c) (OpaquePointer?, UnsafePointer<optplug_frame>?, UnsafeMutablePointer<optplug_error>?)
    -> optplug_status

  let descriptor: UnsafePointer<optplug_optimizer>
  let instance: OpaquePointer?
  /// Shows the whole parameter on step 1.
  let frame: UnsafeMutablePointer<optplug_frame>

  /// - Parameter base: what a wrapper calls.
  init(_ name: String, in library: String, over parameter: RawParameter, base: RawOptimizer? = nil) throws {
    descriptor = try Self.find(name, in: library)
    instance = try Self.create(descriptor, base: base)
    let hyperparameters: UnsafeMutablePointer<UnsafePointer<Double>?> = zeroed(1)
    hyperparameters.pointee = Self.defaults(descriptor)
    let slotCount = try Self.plan(descriptor, instance, parameter, hyperparameters)
    let slots: UnsafeMutablePointer<UnsafeMutableRawPointer?> = zeroed(max(1, slotCount))
    for i in 0..<slotCount {
      let state: UnsafeMutablePointer<Float> = zeroed(parameter.count)
      slots[i] = UnsafeMutableRawPointer(state)
    }

    let segment: UnsafeMutablePointer<optplug_segment> = zeroed(1)
    segment.pointee.parameter = UnsafeMutableRawPointer(parameter.values)
    segment.pointee.gradient = UnsafeRawPointer(parameter.gradient)
    segment.pointee.slots = slotCount > 0 ? UnsafePointer(slots) : nil
    segment.pointee.count = Int64(parameter.count)
    segment.pointee.parameter_step = 1

    frame = zeroed(1)
    frame.pointee.struct_size = UInt32(MemoryLayout<optplug_frame>.size)
    frame.pointee.step = 1
    frame.pointee.segments = span(segment, 1)
    frame.pointee.parameters = parameter.table
    frame.pointee.hyperparameters = UnsafePointer(hyperparameters)
    if let base {
      let children: UnsafeMutablePointer<UnsafePointer<optplug_frame>?> = zeroed(1)
      children.pointee = UnsafePointer(base.frame)
      frame.pointee.children = UnsafePointer(children)
    }
    frame.pointee.dtype = float32
    frame.pointee.device = optplug_device(type: OPTPLUG_DEVICE_CPU, id: 0)
    frame.pointee.gradient_scale = 1
  }

  private static func find(_ name: String, in library: String) throws -> UnsafePointer<optplug_optimizer> {
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
      let reason = dlerror().map { String(cString: $0) } ?? "the loader gives no reason"
      throw Refusal("\(library) cannot be loaded: \(reason)")
    }
    guard let symbol = dlsym(handle, "optplug_entry_v1") else { throw Refusal("\(library) is no plugin") }
    let entry = unsafeBitCast(symbol, to: optplug_entry_v1_function.self)
    var described: UnsafePointer<optplug_library>?
    try check(entry(host, &described, nil), "the entry of \(library)")
    guard let all = described?.pointee else { throw Refusal("\(library) describes nothing") }
    for i in 0..<Int(all.optimizer_count) {
      guard let optimizer = all.optimizers[i] else { continue }
      if String(cString: optimizer.pointee.name) == name { return optimizer }
    }
    throw Refusal("\(library) has no optimizer '\(name)'")
  }

  private static func create(_ descriptor: UnsafePointer<optplug_optimizer>, base: RawOptimizer?) throws
    -> OpaquePointer?
  {
    guard let create = descriptor.pointee.create else { return nil }
    let bases: UnsafeMutablePointer<optplug_base> = zeroed(1)
    if let base { bases.pointee = optplug_base(optimizer: base.descriptor, instance: base.instance) }
    var info = optplug_create_info()
    info.struct_size = UInt32(MemoryLayout<optplug_create_info>.size)
    info.bases = span(bases, base == nil ? 0 : 1)
    var instance: OpaquePointer?
    try check(create(descriptor, host, &info, &instance, nil), "create")
    return instance
  }

  private static func defaults(_ descriptor: UnsafePointer<optplug_optimizer>) -> UnsafePointer<Double> {
    let all = descriptor.pointee.hyperparameters
    let values: UnsafeMutablePointer<Double> = zeroed(max(1, Int(all.count)))
    for i in 0..<Int(all.count) {
      guard let data = all.data else { break }
      values[i] =
        (data + i * Int(all.stride)).assumingMemoryBound(to: optplug_hyperparameter.self).pointee
        .default_value
    }
    return UnsafePointer(values)
  }

  /// Counts the slots that the optimizer asks for.
  private static func plan(
    _ descriptor: UnsafePointer<optplug_optimizer>, _ instance: OpaquePointer?, _ parameter: RawParameter,
    _ hyperparameters: UnsafePointer<UnsafePointer<Double>?>
  ) throws -> Int {
    guard let function = descriptor.pointee.plan else { return 0 }
    let count: UnsafeMutablePointer<UInt32> = zeroed(1)
    var plan = optplug_plan()
    plan.struct_size = UInt32(MemoryLayout<optplug_plan>.size)
    plan.group_count = 1
    plan.parameters = parameter.table
    plan.hyperparameters = hyperparameters
    plan.host_data = UnsafeMutableRawPointer(count)
    plan.add_slot = { plan, _, _, index in
      guard let count = plan?.pointee.host_data?.assumingMemoryBound(to: UInt32.self) else {
        return OPTPLUG_INTERNAL
      }
      index?.pointee = count.pointee
      count.pointee += 1
      return OPTPLUG_OK
    }
    plan.borrow_slot = { _, _, _, _, _, _ in OPTPLUG_NOT_FOUND }
    try check(function(instance, &plan, nil), "plan")
    return Int(count.pointee)
  }

  private static func check(_ status: optplug_status, _ call: String) throws {
    guard status == OPTPLUG_OK else { throw Refusal("\(call) answers with status \(status)") }
  }
}

private let float32 = optplug_dtype(code: UInt8(OPTPLUG_DTYPE_FLOAT), bits: 32, lanes: 1)

nonisolated(unsafe) private let host: UnsafePointer<optplug_host> = {
  let host: UnsafeMutablePointer<optplug_host> = zeroed(1)
  host.pointee = optplug_host(
    struct_size: UInt32(MemoryLayout<optplug_host>.size), abi_minor: OPTPLUG_ABI_MINOR,
    name: UnsafePointer(strdup("stepbench")), version: UnsafePointer(strdup("0.1.0")),
    get_extension: { _, _ in nil })
  return UnsafePointer(host)
}()

/// Memory of zeros that is never freed, of types for which zeros are a value.
private func zeroed<T>(_ count: Int) -> UnsafeMutablePointer<T> {
  let memory = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<T>.stride * count, alignment: 64)
  memset(memory, 0, MemoryLayout<T>.stride * count)
  return memory.bindMemory(to: T.self, capacity: count)
}

private func span<T>(_ data: UnsafeMutablePointer<T>, _ count: UInt32) -> optplug_span {
  optplug_span(data: UnsafeRawPointer(data), count: count, stride: UInt32(MemoryLayout<T>.stride))
}
