// Small things on their way to the GPU, while the CPU goes on.

import BasicFoundation

/// Pinned memory through which tables and constants are sent without waiting for the GPU.
///
/// It has two halves. What is sent lies in one until the GPU has read it; when that half is full the other is begun,
/// once the event at its end has come.
final class Staging {
  private final class Half {
    let memory: CUDAMemory
    let event: CUDADriver.Event?
    var used = 0
    var isSent = false

    init(_ byteCount: Int, _ device: CUDADevice) throws {
      memory = try CUDAMemory(.host, byteCount: byteCount, device)
      var event: CUDADriver.Event?
      // CU_EVENT_DISABLE_TIMING
      try device.driver.check(device.driver.createEvent(&event, 2), "cuEventCreate")
      self.event = event
    }
  }

  private let device: CUDADevice
  private var halves: [Half]
  private var current = 0

  /// To be made with the device in use.
  /// - Throws: `OptimizerError.device`.
  init(_ device: CUDADevice) throws {
    self.device = device
    halves = try (0..<2).map { _ in try Half(1 << 18, device) }
  }

  deinit {
    try? device.use {
      for half in halves {
        _ = device.driver.synchronizeEvent(half.event)
        _ = device.driver.destroyEvent(half.event)
      }
    }
  }

  /// Enqueues a copy into the GPU's memory. The bytes may change as soon as this returns.
  /// - Throws: `OptimizerError.device`.
  func send(
    _ bytes: UnsafeRawBufferPointer, to address: CUDADriver.Address, on stream: CUDADriver.Stream?
  ) throws {
    let driver = device.driver
    let room = (bytes.count + 63) & ~63
    if halves[current].used + room > halves[current].memory.byteCount {
      try end(on: stream)
      current = 1 - current
      let half = halves[current]
      if half.isSent { try driver.check(driver.synchronizeEvent(half.event), "cuEventSynchronize") }
      (half.used, half.isSent) = (0, false)
      if room > half.memory.byteCount {
        _ = driver.destroyEvent(half.event)
        halves[current] = try Half(2 * room, device)
      }
    }
    let half = halves[current]
    guard let start = half.memory.pointer else { return }
    let place = start + half.used
    if let source = bytes.baseAddress { place.copyMemory(from: source, byteCount: bytes.count) }
    half.used += room
    try driver.check(driver.copyToDevice(address, place, bytes.count, stream), "cuMemcpyHtoDAsync")
  }

  /// Marks the end of what the current half holds.
  private func end(on stream: CUDADriver.Stream?) throws {
    try device.driver.check(device.driver.recordEvent(halves[current].event, stream), "cuEventRecord")
    halves[current].isSent = true
  }
}
