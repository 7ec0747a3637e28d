// Rounds of an optimizer's steps and the limit's, in turns.

import Foundation
import OptimizerHost

/// An optimizer over parameters with numbers in them, and the limit beside it.
final class BenchRun {
  private let optimizer: Optimizer
  private let gradients: [UnsafeRawPointer?]
  private let arena: ParameterArena
  private let elements, threads: Int
  private let clock = ContinuousClock()

  /// Enough for a median and quartiles that mean something.
  private static let rounds = 15
  /// Longer than what the clock and a thread's waking up cost.
  private static let roundTime = Duration.milliseconds(40)

  init(_ expression: String, elements: Int, threads: Int, registry: PluginRegistry) throws {
    (self.elements, self.threads) = (elements, threads)
    arena = try ParameterArena(
      Self.shapes(elements).enumerated().map { .init(name: "tensor\($0.offset)", shape: $0.element) })
    for (parameter, gradient) in zip(arena.parameters, arena.gradients) {
      Self.fill(parameter.values, count: parameter.count, scale: 1)
      Self.fill(gradient, count: parameter.count, scale: 1 / 64)
    }
    gradients = arena.gradients.map { UnsafeRawPointer($0) }
    optimizer = try Optimizer(expression, registry: registry, parameters: arena.parameters, threads: threads)
  }

  /// Matrices of 1024×1024 as long as they fit, then a square and a vector.
  static func shapes(_ elements: Int) -> [[Int]] {
    let side = 1024
    let rest = elements % (side * side)
    let small = Int(Double(rest).squareRoot())
    let tail = rest - small * small
    return Array(repeating: [side, side], count: elements / (side * side))
      + (small > 0 ? [[small, small]] : []) + (tail > 0 ? [[tail]] : [])
  }

  /// Numbers of ordinary size, so that no arithmetic meets a special case.
  private static func fill(_ memory: UnsafeMutableRawPointer, count: Int, scale: Float) {
    let values = memory.assumingMemoryBound(to: Float.self)
    for i in 0..<count {
      let bits = UInt32(truncatingIfNeeded: i &+ 1) &* 2_654_435_761
      values[i] = (Float(bits >> 8) / 0x1p24 - 0.5) * scale
    }
  }

  func measure() throws -> BenchResult {
    // Padding between tensors is not moved by intent; it is a few lines of cache.
    let stateBytes = Double(optimizer.stateBytes) / Double(elements)
    let limit = try MemoryLimit(elements: elements, updatedBytes: 4 + stateBytes, threads: threads)
    // The first steps also touch fresh memory.
    for _ in 0..<2 { try step() }
    let steps = try stepsPerRound { try step() }
    let limitSteps = stepsPerRound { limit.step() }
    var (times, limitTimes): ([Double], [Double]) = ([], [])
    for _ in 0..<Self.rounds {
      times.append(try time(steps) { try step() })
      limitTimes.append(time(limitSteps) { limit.step() })
    }
    return BenchResult(
      expression: optimizer.expression, elements: elements, threads: threads,
      bytes: elements * 12 + 2 * optimizer.stateBytes, times: Spread(times),
      limitBytes: limit.bytes, limit: Spread(limitTimes), rounds: Self.rounds)
  }

  /// Where a step asks for the loss again, the gradients stay as they are.
  private func step() throws {
    try optimizer.step(gradients: gradients, loss: 1, reevaluate: optimizer.mayReevaluate ? { 1 } : nil)
  }

  /// Seconds of one step.
  private func time(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
    let start = clock.now
    for _ in 0..<count { try body() }
    return (clock.now - start) / .seconds(1) / Double(count)
  }

  private func stepsPerRound(_ body: () throws -> Void) rethrows -> Int {
    let once = try min(time(1, body), time(1, body))
    return max(1, Int((Self.roundTime / .seconds(1) / max(once, 1e-9)).rounded(.up)))
  }
}
