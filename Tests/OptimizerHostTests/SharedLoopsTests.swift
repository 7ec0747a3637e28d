// Loops that plugins share out: every index once, nested, from several threads, in the caller's floating-point mode.

import COptPlug
import COptimizerHost
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import OptimizerHost

/// Counts the calls for each index, and calls made in another floating-point mode than the caller's.
private final class Counters: Sendable {
  let calls: [Locked<Int>]
  let mode: UInt64
  let strangers = Locked(0)
  let threads = Locked<Set<ObjectIdentifier>>([])
  let inner: Counters?

  init(_ count: Int, mode: UInt64 = optplugFloatMode(), inner: Counters? = nil) {
    calls = (0..<count).map { _ in Locked(0) }
    self.mode = mode
    self.inner = inner
  }

  /// Through the ABI.
  func run() {
    let table = hostInterface.pointee.get_extension?(hostInterface, OPTPLUG_EXTENSION_PARALLEL_FOR)?
      .assumingMemoryBound(to: optplug_parallel_for.self)
    table?.pointee.run(
      hostInterface, UInt32(calls.count),
      { context, index in
        guard let context else { return }
        let counters = Unmanaged<Counters>.fromOpaque(context).takeUnretainedValue()
        counters.calls[Int(index)].withLock { $0 += 1 }
        if optplugFloatMode() != counters.mode { counters.strangers.withLock { $0 += 1 } }
        _ = counters.threads.withLock { $0.insert(ObjectIdentifier(Thread.current)) }
        usleep(200)
        counters.inner?.run()
      }, Unmanaged.passUnretained(self).toOpaque())
  }
}

private func optplugFloatMode() -> UInt64 { optimizer_host_float_mode() }

/// Threads that help, until the value goes.
private final class Helping {
  private let isDone = Locked(false)

  init(threads: Int) {
    let isDone = isDone
    for _ in 0..<threads { Thread { SharedLoops.help { !isDone.withLock { $0 } } }.start() }
  }

  func end() { isDone.withLock { $0 = true } }
}

@Suite(.serialized) struct SharedLoopsTests {
  @Test(arguments: [0, 1, 2, 7, 100]) func everyIndexOnce(count: Int) {
    let helping = Helping(threads: 2)
    let counters = Counters(count)
    counters.run()
    helping.end()
    #expect(counters.calls.allSatisfy { $0.withLock { $0 } == 1 })
    #expect(counters.strangers.withLock { $0 } == 0)
  }

  @Test func othersTakePart() {
    let helping = Helping(threads: 2)
    let counters = Counters(500)
    counters.run()
    helping.end()
    #expect(counters.threads.withLock { $0.count } > 1)
    let alone = Counters(5)
    alone.run()
    #expect(alone.calls.allSatisfy { $0.withLock { $0 } == 1 })
  }

  @Test func loopsNest() {
    let helping = Helping(threads: 2)
    let inner = Counters(6)
    let outer = Counters(10, inner: inner)
    outer.run()
    helping.end()
    #expect(outer.calls.allSatisfy { $0.withLock { $0 } == 1 })
    #expect(inner.calls.allSatisfy { $0.withLock { $0 } == 10 })
  }

  /// More loops at once than there are places for open ones.
  @Test func fromManyThreads() {
    let helping = Helping(threads: 1)
    let all = (0..<200).map { _ in Counters(3) }
    DispatchQueue.concurrentPerform(iterations: all.count) { all[$0].run() }
    helping.end()
    #expect(all.allSatisfy { $0.calls.allSatisfy { $0.withLock { $0 } == 1 } })
  }

  /// Helpers compute as the caller does, and have their own mode again afterwards.
  @Test func inTheCallersFloatingPointMode() {
    let plain = optimizer_host_float_mode()
    let helping = Helping(threads: 2)
    // Towards zero on x86-64 and on arm64.
    let changed = plain ^ (Platform.isX86 ? 0x6000 : 0xC0_0000)
    let counters = Counters(200, mode: changed)
    optimizer_host_set_float_mode(changed)
    counters.run()
    optimizer_host_set_float_mode(plain)
    let after = Counters(200, mode: plain)
    after.run()
    helping.end()
    #expect(counters.threads.withLock { $0.count } > 1)
    #expect(counters.strangers.withLock { $0 } == 0 && after.strangers.withLock { $0 } == 0)
  }
}
