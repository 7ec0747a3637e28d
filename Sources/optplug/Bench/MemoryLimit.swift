// The loop that only moves memory: what no optimizer can beat, since it has to move as much.

import CMemoryLimit

/// Threads and arrays of the limit.
final class MemoryLimit {
  private let team: OpaquePointer
  private let work: OpaquePointer
  /// Bytes that a step moves.
  let bytes: Int

  /// - Parameters:
  ///   - elements: 32-bit floats of each array.
  ///   - updatedBytes: that the optimizer reads and writes for each element; the nearest number of arrays is taken.
  /// - Throws: ``NoMemoryLimit``.
  init(elements: Int, updatedBytes: Double, threads: Int) throws {
    let arrays = min(4, max(1, Int((updatedBytes / 4).rounded())))
    guard let team = memory_limit_team_start(Int32(threads)) else {
      throw NoMemoryLimit(problem: "\(threads) threads cannot be started; use fewer")
    }
    guard let work = memory_limit_prepare(team, elements, Int32(arrays), false) else {
      memory_limit_team_stop(team)
      throw NoMemoryLimit(problem: "there is no memory for \(arrays + 1) arrays; use fewer parameters")
    }
    self.team = team
    self.work = work
    bytes = elements * 4 * (1 + 2 * arrays)
  }

  deinit {
    memory_limit_release(work)
    memory_limit_team_stop(team)
  }

  func step() { memory_limit_step(work) }
}

/// The limit cannot be measured.
struct NoMemoryLimit: Error, CustomStringConvertible {
  let problem: String
  var description: String { "the memory limit cannot be measured: \(problem)" }
}
