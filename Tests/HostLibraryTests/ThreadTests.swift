// Several optimizers at once, each used by a thread of its own.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct ThreadTests {
  private static let expressions = [
    "adam", "lookahead(k=2, adam)", "muon(adamw)", "adam8bit", "lamb", "sgd(lr=0.1, momentum=0.9)",
  ]

  /// Parameters and state after some steps.
  private static func train(_ expression: String, threads: UInt32) throws -> [[UInt8]] {
    let tensors =
      model() + [TensorMemory("wide", .float32, [200, 300], values: numbers(.float32, 60_000, stream: 5))]
    let trainer = try Trainer(expression, tensors, threads: threads)
    for step in 1...4 { try trainer.step(gradients(of: tensors, step: step)) }
    return try tensors.map(\.values) + [trainer.save()]
  }

  @Test func severalStepAtOnceAsAlone() throws {
    let alone = try Self.expressions.map { try Self.train($0, threads: 1) }
    let together = Locked<[Int: [[UInt8]]]>([:])
    let count = Self.expressions.count
    // Two of each, with one or two threads of the library's own.
    DispatchQueue.concurrentPerform(iterations: 2 * count) { i in
      guard let result = try? Self.train(Self.expressions[i % count], threads: UInt32(1 + i / count)) else {
        return
      }
      together.withLock { $0[i] = result }
    }
    for i in 0..<2 * count {
      #expect(
        together.withLock { $0[i] } == alone[i % count],
        "\(Self.expressions[i % count]), \(1 + i / count) threads")
    }
  }

  @Test func theyOpenAndCloseAtOnce() throws {
    let failures = Locked<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { i in
      for round in 1...4 {
        do throws(Failure) {
          let tensor = line()
          let trainer = try Trainer(
            Self.expressions[(i + round) % Self.expressions.count], [tensor], threads: 2)
          try trainer.step([line()])
          _ = try? Trainer("adam(lr=-1)", [tensor])
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    #expect(failures.withLock { $0 } == [])
  }

  /// A thread may go on where another has ended.
  @Test func anOptimizerMayChangeThreads() throws {
    let (plain, other) = (line(), line())
    let trainers = try [plain, other].map { try Trainer("lookahead(k=2, adam)", [$0], threads: 2) }
    for _ in 1...4 { try trainers[0].step([line()]) }
    nonisolated(unsafe) let wandering = trainers[1]
    for _ in 1...4 {
      let end = DispatchSemaphore(value: 0)
      Thread {
        _ = try? wandering.step([line()])
        end.signal()
      }.start()
      end.wait()
    }
    #expect(plain.values == other.values)
  }
}
