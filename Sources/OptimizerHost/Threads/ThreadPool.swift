// Threads that stay, for work that is handed out piece by piece.

import COptimizerHost
import BasicFoundation
import Dispatch
import Synchronization

/// Work that several threads do together.
protocol SharedWork: AnyObject {
  /// Does pieces until there are none left. Called at the same time from several threads, each with a `worker` of
  /// its own.
  func work(worker: Int, pieces: PieceCounter)
}

/// Runs pieces of work on the calling thread and on workers that sleep in between.
///
/// Starting work and finishing it take no lock and allocate nothing. A worker that wakes too late to help is not
/// waited for.
final class ThreadPool {
  /// Threads that work, the calling one included.
  let threads: Int
  private let team: Team

  init(threads: Int) {
    self.threads = max(1, threads)
    team = Team(threads: self.threads)
    for worker in stride(from: 1, to: self.threads, by: 1) {
      startThread { [team] in
        optimizer_host_name_thread("optplug-\(worker)")
        team.serve(worker)
      }
    }
  }

  deinit { team.close() }

  /// Does all of `0..<count` and returns.
  /// - Parameters:
  ///   - alone: whether the calling thread does all of it, which is faster for very little work.
  ///   - serially: whether only the calling thread gets pieces.
  ///   - wakesAll: whether the others are woken even if there are no pieces for them.
  func run(
    _ count: Int, alone: Bool = false, serially: Bool = false, wakesAll: Bool = false, _ work: any SharedWork
  ) {
    team.run(
      count, alone: alone || count == 0 || (!wakesAll && (serially || count < 2)), serially: serially, work)
  }
}

/// What the threads share; they hold it, so that the pool itself may go at any time.
private final class Team: @unchecked Sendable {
  /// A thread that may sleep.
  private final class Sleeper: Sendable {
    private let isAsleep = Atomic<Bool>(false)
    private let semaphore = DispatchSemaphore(value: 0)

    /// Sleeps until `wake`, unless `isNeeded` holds already. May also return without reason.
    func sleep(unless isNeeded: () -> Bool) {
      isAsleep.store(true, ordering: .sequentiallyConsistent)
      if isNeeded(), isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
      semaphore.wait()
    }

    func wake() {
      if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { semaphore.signal() }
    }
  }

  /// What `state` says: how many workers are at the work, whether more may join, and the work's number.
  private struct State {
    static let open: UInt64 = 1 << 31

    let bits: UInt64
    var active: UInt64 { bits & 0xFFFF }
    var isOpen: Bool { bits & Self.open != 0 }
    var number: UInt64 { bits >> 32 }
    /// The next work, open, with no workers.
    var next: State { State(bits: (number + 1) << 32 | Self.open) }
  }

  private let pieces: PieceCounter
  private let state = Atomic<UInt64>(0)
  private let isClosed = Atomic<Bool>(false)
  /// Per thread; the first is the caller's.
  private let sleepers: [Sleeper]
  /// How often a thread looks for news before it sleeps: some 20 µs, unless the cores are needed for others.
  private let patience: Int
  // Written before the state is opened, read by those who joined.
  private unowned(unsafe) var work: (any SharedWork)?
  /// Where the caller runs.
  private let processor = Atomic<Int>(-1)
  /// The caller's floating-point mode: every piece is computed in it, whoever takes it.
  private let mode = Atomic<UInt64>(0)

  init(threads: Int) {
    pieces = PieceCounter(workers: threads)
    sleepers = (0..<threads).map { _ in Sleeper() }
    patience = threads <= ProcessInfo.processInfo.activeProcessorCount ? 1000 : 0
  }

  func run(_ count: Int, alone: Bool, serially: Bool, _ work: any SharedWork) {
    pieces.reset(count, serially: serially)
    guard !alone, sleepers.count > 1 else {
      work.work(worker: 0, pieces: pieces)
      return
    }
    self.work = work
    processor.store(Int(optimizer_host_processor()), ordering: .relaxed)
    mode.store(optimizer_host_float_mode(), ordering: .relaxed)
    let now = State(bits: state.load(ordering: .relaxed))
    state.store(now.next.bits, ordering: .sequentiallyConsistent)
    for worker in 1..<sleepers.count { sleepers[worker].wake() }
    work.work(worker: 0, pieces: pieces)
    finish()
  }

  /// Lets nobody join any more and waits for those who did.
  private func finish() {
    state.bitwiseAnd(~State.open, ordering: .acquiringAndReleasing)
    var looks = 0
    while hasActiveWorkers {
      if looks < patience {
        looks += 1
        optimizer_host_relax()
      } else {
        sleepers[0].sleep { !hasActiveWorkers }
      }
    }
  }

  private var hasActiveWorkers: Bool { State(bits: state.load(ordering: .sequentiallyConsistent)).active > 0 }

  func close() {
    isClosed.store(true, ordering: .sequentiallyConsistent)
    for sleeper in sleepers { sleeper.wake() }
  }

  /// A worker's life.
  func serve(_ worker: Int) {
    var seen: UInt64 = 0
    var looks = 0
    while !isClosed.load(ordering: .acquiring) {
      let bits = state.load(ordering: .acquiring)
      let now = State(bits: bits)
      if now.number != seen {
        if now.isOpen {
          guard
            state.compareExchange(expected: bits, desired: bits + 1, ordering: .acquiringAndReleasing)
              .exchanged
          else { continue }
          takePart(worker)
          leave()
          looks = 0
        }
        seen = now.number
      } else if looks < patience {
        looks += 1
        optimizer_host_relax()
      } else {
        sleepers[worker].sleep {
          State(bits: state.load(ordering: .sequentiallyConsistent)).number != seen
            || isClosed.load(ordering: .sequentiallyConsistent)
        }
        optimizer_host_leave(Int32(processor.load(ordering: .relaxed)))
      }
    }
  }

  /// A call of its own, so that nothing holds the work once the worker has left.
  @inline(never)
  private func takePart(_ worker: Int) {
    optimizer_host_set_float_mode(mode.load(ordering: .relaxed))
    work?.work(worker: worker, pieces: pieces)
  }

  private func leave() {
    let left = State(bits: state.subtract(1, ordering: .sequentiallyConsistent).newValue)
    if left.active == 0, !left.isOpen { sleepers[0].wake() }
  }
}
