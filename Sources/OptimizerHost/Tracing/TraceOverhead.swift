// How much a traced call costs beyond the call itself, measured where it runs.

import COptPlug
import BasicFoundation

/// The cost of being traced, in nanoseconds.
public struct TraceOverhead: Sendable {
  /// By which a call takes longer.
  public let perCall: Double
  /// The part of it that the call's own duration shows; the rest shows as its caller's own time.
  public let perCallInside: Double
}

extension Trace {
  /// Measures the overhead of `step`: calls one that does nothing, with a frame of one segment, directly and traced, in
  /// turns. Takes a few milliseconds; of several rounds the fastest counts, so that a busy machine does not matter.
  /// - Throws: `OptimizerError.tracing`.
  public static func measureOverhead() throws -> TraceOverhead {
    let (rounds, calls) = (30, 2000)
    let trace = try Trace(limit: rounds * calls + 1)
    let idle = try idleOptimizer
    let interposed = try trace.interpose(idle, path: "").type
    guard let traced = interposed.descriptor.pointee.step, let direct = idle.descriptor.pointee.step else {
      throw OptimizerError.tracing("the overhead cannot be measured: step is not traced")
    }
    func recorded() -> UInt64 { trace.report.rows.reduce(0) { $0 + $1.total } }
    // The first call makes the thread's record.
    _ = time(1, traced)
    var (least, leastTraced, leastInside) = (UInt64.max, UInt64.max, UInt64.max)
    for _ in 0..<rounds {
      let before = recorded()
      least = min(least, time(calls, direct))
      leastTraced = min(leastTraced, time(calls, traced))
      leastInside = min(leastInside, recorded() - before)
    }
    func perCall(_ time: UInt64) -> Double { Double(time - min(least, time)) / Double(calls) }
    return TraceOverhead(perCall: perCall(leastTraced), perCallInside: perCall(leastInside))
  }
}

/// Nanoseconds of so many calls.
private func time(_ calls: Int, _ function: FrameFunction) -> UInt64 {
  var segment = optplug_segment()
  segment.count = 1
  return withUnsafePointer(to: &segment) { segment in
    var frame = optplug_frame()
    frame.struct_size = UInt32(MemoryLayout<optplug_frame>.size)
    frame.segments = optplug_span(
      data: segment, count: 1, stride: UInt32(MemoryLayout<optplug_segment>.stride))
    let start = now()
    for _ in 0..<calls { _ = function(nil, &frame, nil) }
    return now() - start
  }
}

/// An optimizer that does nothing.
private var idleOptimizer: OptimizerType {
  get throws {
    guard let type = try OptimizerType.read(idleLibrary, path: "", hash: "").first else {
      throw OptimizerError.tracing("the overhead cannot be measured: there is nothing to trace")
    }
    return type
  }
}

nonisolated(unsafe) private let idleLibrary: UnsafePointer<optplug_library> = {
  let optimizer = UnsafeMutablePointer<optplug_optimizer>.allocate(capacity: 1)
  var description = optplug_optimizer()
  description.struct_size = UInt32(MemoryLayout<optplug_optimizer>.size)
  description.capabilities = OPTPLUG_CAPABILITY_FLOAT32
  description.name = UnsafePointer(strdup("idle"))
  description.version = UnsafePointer(strdup("1"))
  description.summary = UnsafePointer(strdup("Does nothing."))
  description.step = { _, _, _ in OPTPLUG_OK }
  optimizer.initialize(to: description)
  let optimizers = UnsafeMutablePointer<UnsafePointer<optplug_optimizer>?>.allocate(capacity: 1)
  optimizers.initialize(to: UnsafePointer(optimizer))
  let library = UnsafeMutablePointer<optplug_library>.allocate(capacity: 1)
  library.initialize(
    to: optplug_library(
      struct_size: UInt32(MemoryLayout<optplug_library>.size), abi_minor_built: OPTPLUG_ABI_MINOR,
      abi_minor_required: 0, optimizer_count: 1, optimizers: UnsafePointer(optimizers), get_extension: nil))
  return UnsafePointer(library)
}()
