// Loops that plugins share out inside one call: whoever has nothing else to do takes part.

import COptPlug
import COptimizerHost
import Synchronization

/// The loops that are open in this process.
///
/// A plugin's call opens a loop and works at it; threads of a step that have no batch left look for open loops.
/// Nothing is allocated and no lock is taken; a loop that finds no place among the open ones runs on its own thread.
enum SharedLoops {
  typealias Body = @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Void

  private static let places = 64

  /// One open loop; apart from the others by cache lines.
  private final class Loop: @unchecked Sendable {
    /// 0: free, 1: being set up or taken down, 2: open.
    let state = Atomic<Int>(0)
    let next = Atomic<Int>(0)
    /// Threads that help.
    let helpers = Atomic<Int>(0)
    // Written before the state says open, read by those who see it open.
    var count = 0
    var body: Body?
    var context: UnsafeMutableRawPointer?
    var mode: UInt64 = 0

    func work() {
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body?(context, UInt32(index))
      }
    }
  }

  /// Whether any plugin has asked for shared loops; before that, nobody need look for them.
  static let areUsed = Atomic<Bool>(false)

  private static let loops = (0..<places).map { _ in Loop() }
  /// How many are open, so that looking costs one read when there are none.
  private static let openCount = Atomic<Int>(0)

  /// Calls `body` for every index below `count` and returns when all calls have.
  static func run(_ count: Int, _ body: @escaping Body, _ context: UnsafeMutableRawPointer?) {
    guard count > 1,
      let loop = loops.first(where: {
        $0.state.load(ordering: .relaxed) == 0
          && $0.state.compareExchange(expected: 0, desired: 1, ordering: .acquiring).exchanged
      })
    else {
      for index in 0..<count { body(context, UInt32(index)) }
      return
    }
    (loop.count, loop.body, loop.context) = (count, body, context)
    loop.mode = optimizer_host_float_mode()
    loop.next.store(0, ordering: .relaxed)
    loop.state.store(2, ordering: .sequentiallyConsistent)
    openCount.add(1, ordering: .sequentiallyConsistent)
    loop.work()
    openCount.subtract(1, ordering: .sequentiallyConsistent)
    loop.state.store(1, ordering: .sequentiallyConsistent)
    // A helper counts itself before it looks at the state, so none can be missed here.
    while loop.helpers.load(ordering: .sequentiallyConsistent) > 0 { optimizer_host_relax() }
    loop.state.store(0, ordering: .releasing)
  }

  /// Works at open loops for as long as `isNeeded`.
  static func help(while isNeeded: () -> Bool) {
    while isNeeded() {
      guard openCount.load(ordering: .acquiring) > 0 else {
        optimizer_host_relax()
        continue
      }
      for loop in loops where loop.state.load(ordering: .relaxed) == 2 {
        loop.helpers.add(1, ordering: .sequentiallyConsistent)
        if loop.state.load(ordering: .sequentiallyConsistent) == 2 {
          let mode = optimizer_host_float_mode()
          optimizer_host_set_float_mode(loop.mode)
          loop.work()
          optimizer_host_set_float_mode(mode)
        }
        loop.helpers.subtract(1, ordering: .sequentiallyConsistent)
      }
      optimizer_host_relax()
    }
  }
}
