// Threads that share out pieces of work.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import OptimizerHost

/// Counts for every piece how often it ran, and notices a worker that is in two places at once.
private final class Tally: Sendable {
  private let runs: Locked<[Int]>
  private let busy = Locked<Set<Int>>([])
  private let clashes = Atomic<Int>(0)

  init(_ pieces: Int) { runs = Locked(Array(repeating: 0, count: pieces)) }

  func record(_ worker: Int, _ piece: Int) {
    if !busy.withLock({ $0.insert(worker).inserted }) { clashes.add(1, ordering: .relaxed) }
    runs.withLock { $0[piece] += 1 }
    _ = busy.withLock { $0.remove(worker) }
  }

  var counts: [Int] { runs.withLock { $0 } }
  var clashCount: Int { clashes.load(ordering: .relaxed) }
}

/// Work made of a closure.
private final class ClosureWork: SharedWork, @unchecked Sendable {
  private let body: (_ worker: Int, _ piece: Int) -> Void

  init(_ body: @escaping (Int, Int) -> Void) { self.body = body }

  func work(worker: Int, pieces: PieceCounter) {
    while let piece = pieces.next(for: worker) { body(worker, piece) }
  }
}

extension ThreadPool {
  fileprivate func run(_ count: Int, alone: Bool = false, _ body: (_ worker: Int, _ piece: Int) -> Void) {
    withoutActuallyEscaping(body) { run(count, alone: alone, ClosureWork($0)) }
  }
}

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 8]) func everyPieceRunsOnce(threads: Int) {
    let pool = ThreadPool(threads: threads)
    for run in 0..<500 {
      let count = Int(splitMix(UInt64(run)) % 60)
      let tally = Tally(count)
      let strangers = Atomic<Int>(0)
      pool.run(count) { worker, piece in
        if !(0..<threads).contains(worker) { strangers.add(1, ordering: .relaxed) }
        tally.record(worker, piece)
      }
      // All of it is done when run returns.
      guard tally.counts.allSatisfy({ $0 == 1 }), tally.clashCount == 0,
        strangers.load(ordering: .relaxed) == 0
      else {
        Issue.record("run \(run): \(tally.counts), \(tally.clashCount) workers in two places")
        return
      }
    }
  }

  /// The body may use what lives on the caller's stack only if no worker holds it any longer when run returns.
  @Test func workersLetGoOfTheBody() {
    let pool = ThreadPool(threads: 4)
    for _ in 0..<5000 {
      let sum = Atomic<Int>(0)
      pool.run(8) { _, piece in sum.add(piece, ordering: .relaxed) }
      guard sum.load(ordering: .relaxed) == 28 else {
        Issue.record("\(sum.load(ordering: .relaxed))")
        return
      }
    }
  }

  @Test func oneThreadDoesItAllWhenAsked() {
    let pool = ThreadPool(threads: 3)
    let workers = Locked<Set<Int>>([])
    let sum = Atomic<Int>(0)
    pool.run(100, alone: true) { worker, piece in
      workers.withLock { _ = $0.insert(worker) }
      sum.add(piece, ordering: .relaxed)
    }
    #expect(workers.withLock { $0 } == [0])
    #expect(sum.load(ordering: .relaxed) == 4950)
  }

  /// Workers that sleep, workers that wait awake and workers that come too late, in all mixtures.
  @Test func nothingIsLostAfterPauses() {
    let pool = ThreadPool(threads: 3)
    for round in 0..<300 {
      usleep(UInt32(splitMix(UInt64(round)) % 200))
      let sum = Atomic<Int>(0)
      pool.run(5) { _, piece in sum.add(piece + 1, ordering: .relaxed) }
      #expect(sum.load(ordering: .relaxed) == 15)
    }
  }

  @Test func severalThreadsTakePart() {
    let pool = ThreadPool(threads: 3)
    let workers = Locked<Set<Int>>([])
    // The first two pieces wait for each other, so one thread alone would never finish.
    let arrived = Atomic<Int>(0)
    pool.run(2) { worker, _ in
      workers.withLock { _ = $0.insert(worker) }
      arrived.add(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < 2 { usleep(10) }
    }
    #expect(workers.withLock { $0.count } == 2)
  }

  @Test(.timeLimit(.minutes(60))) func mayGoAtOnce() {
    for round in 0..<300 {
      let pool = ThreadPool(threads: 1 + round % 5)
      if round % 2 == 0 {
        let tally = Tally(round)
        pool.run(round, tally.record)
        #expect(tally.counts.allSatisfy { $0 == 1 })
      }
    }
  }

  @Test func impossibleNumbersOfThreadsMeanOne() {
    for threads in [0, -1, Int.min] { #expect(ThreadPool(threads: threads).threads == 1) }
  }
}
