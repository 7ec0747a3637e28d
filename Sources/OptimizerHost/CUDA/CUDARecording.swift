// A step inside a CUDA graph: captured once, replayed with new constants.

import BasicFoundation

/// What a captured step consists of, and how a replay takes the next one.
///
/// A graph's kernels are fixed, but which programs a step runs may change, as with a Lookahead that syncs at every
/// fifth. So all programs that the coming steps may need are captured, each with a flag among its constants that
/// says whether it acts. Before them the graph calls the host, which works out the constants of the next step, and
/// copies them to the GPU. So a replay is a step like any other: schedules of the optimizer go on, counters count.
final class CUDARecording: @unchecked Sendable {
  private struct Entry {
    let launch: Fusion.Launch
    let table: LaunchTable
    /// Of its constants.
    let offset: Int
  }

  /// How many coming steps are looked at.
  private static let horizon = 4096

  private let hasGradient: [Bool]
  private let gradientScale: Double
  private let device: CUDADevice
  private var entries: [Entry] = []
  private let host, constants: CUDAMemory
  /// The session's `counting`.
  private let lock: Lock
  // Guarded by `lock`: a replay runs on a thread of the driver's.
  private weak var session: CUDASession?
  private var problem: OptimizerError?

  /// - Throws: `OptimizerError`: `formula` when the next step has none, `device`.
  init(
    _ session: CUDASession, _ gradients: [UnsafeRawPointer?], _ hasGradient: [Bool], _ scale: Double
  ) throws {
    (self.session, device, lock) = (session, session.device, session.counting)
    (self.hasGradient, gradientScale) = (hasGradient, scale)
    let launches = try lock.withLock { try Self.coming(session, hasGradient, scale) }
    let (bytes, offsets) = launches.packedConstants()
    (host, constants, entries) = try Self.outsideCapture(device) { [device] stream in
      let entries = try zip(launches, offsets).map { launch, offset in
        let table = try session.makeTable(launch)
        try table.update(launch.parameters, session.places, gradients: gradients) { bytes, address in
          let pinned = try CUDAMemory(.host, byteCount: bytes.count, device)
          if let source = bytes.baseAddress {
            pinned.pointer?.copyMemory(from: source, byteCount: bytes.count)
          }
          try device.driver.check(
            device.driver.copyToDevice(address, pinned.pointer, bytes.count, stream), "cuMemcpyHtoDAsync")
          try device.driver.check(device.driver.synchronizeStream(stream), "cuStreamSynchronize")
        }
        return Entry(launch: launch, table: table, offset: offset)
      }
      return (
        try CUDAMemory(.host, byteCount: bytes.count, device),
        try CUDAMemory(.device, byteCount: bytes.count, device), entries
      )
    }
  }

  /// All launches of the coming steps, each once, updates before what starts bases afresh.
  private static func coming(
    _ session: CUDASession, _ hasGradient: [Bool], _ scale: Double
  ) throws -> [Fusion.Launch] {
    let counters = session.optimizer.counters()
    defer { session.optimizer.setCounters(counters) }
    var (updates, restarts): ([Fusion.Launch], [Fusion.Launch]) = ([], [])
    for step in 0..<horizon {
      let coming: (updates: [Fusion.Launch], restarts: [Fusion.Launch])
      do { coming = try session.advance(hasGradient, scale) } catch  where step > 0 { break }
      for launch in coming.updates where !updates.contains(where: launch.isSame) { updates.append(launch) }
      for launch in coming.restarts where !restarts.contains(where: launch.isSame) { restarts.append(launch) }
    }
    return updates + restarts
  }

  /// Does what may not be captured, with a stream that is not.
  private static func outsideCapture<R>(_ device: CUDADevice, _ body: (CUDADriver.Stream?) throws -> R) throws
    -> R
  {
    let driver = device.driver
    return try driver.relaxed {
      var stream: CUDADriver.Stream?
      // CU_STREAM_NON_BLOCKING
      try driver.check(driver.createStream(&stream, 1), "cuStreamCreate")
      defer { _ = driver.destroyStream(stream) }
      return try body(stream)
    }
  }

  /// Captures the call of the host, the copy of the constants, and the kernels.
  ///
  /// The graph may outlive the optimizer, so what it refers to is never given back.
  func enqueue(on stream: CUDADriver.Stream?) throws {
    let driver = device.driver
    let context = Unmanaged.passRetained(self).toOpaque()
    try driver.check(
      driver.callHost(
        stream,
        { context in
          guard let context else { return }
          Unmanaged<CUDARecording>.fromOpaque(context).takeUnretainedValue().prepareReplay()
        }, context), "cuLaunchHostFunc")
    try driver.check(
      driver.copyToDevice(constants.address, host.pointer, constants.byteCount, stream), "cuMemcpyHtoDAsync")
    for entry in entries { try entry.table.launch(constants.address + UInt64(entry.offset), on: stream) }
  }

  /// Writes the constants of the next step. The driver calls it in the middle of a replay, so it may call nothing of
  /// the driver's.
  private func prepareReplay() {
    guard let place = host.pointer else { return }
    lock.withLock {
      place.initializeMemory(as: UInt8.self, repeating: 0, count: host.byteCount)
      guard let session, problem == nil else { return }
      let counters = session.optimizer.counters()
      do {
        let next = try session.advance(hasGradient, gradientScale)
        let places = try (next.updates + next.restarts).map { launch in
          guard let entry = entries.first(where: { launch.isSame($0.launch) }) else {
            throw OptimizerError.parameters(
              "a replayed graph lacks the program of step \(session.optimizer.stepCount), and takes no steps any more; "
                + "capture it anew")
          }
          return (launch, entry.offset)
        }
        for (launch, offset) in places {
          var bytes: [UInt8] = []
          launch.appendConstants(to: &bytes)
          (place + offset).copyMemory(from: bytes, byteCount: bytes.count)
        }
      } catch {
        session.optimizer.setCounters(counters)
        problem = error as? OptimizerError ?? .parameters("\(error)")
      }
    }
  }

  /// What went wrong in a replay; nothing was updated from there on.
  var failure: OptimizerError? { lock.withLock { problem } }

  /// From now on a replay does nothing.
  func close() { lock.withLock { session = nil } }
}
