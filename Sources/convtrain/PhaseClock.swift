// Says how long the phases of a run take, where that is asked for.

import Terminal

struct PhaseClock {
  let isShown: Bool

  /// Does `work` and tells its time on stderr, also when it fails.
  func measure<T>(_ phase: String, _ work: () throws -> T) rethrows -> T {
    guard isShown else { return try work() }
    let clock = ContinuousClock()
    let start = clock.now
    defer { Console.error("time: \(phase) took \(Format.duration((clock.now - start) / .seconds(1)))") }
    return try work()
  }
}
