// Threads that stay, for work that is handed out piece by piece.

import Foundation
import Synchronization

/// Runs numbered pieces of work on the calling thread and on workers that sleep in between.
final class ThreadPool {
  /// Threads that work, the calling one included.
  let threads: Int
  private let shared = SharedWork()

  init(threads: Int) {
    self.threads = max(1, threads)
    for worker in stride(from: 1, to: self.threads, by: 1) {
      let thread = Thread { [shared] in shared.serve(worker) }
      thread.name = "optplug-\(worker)"
      thread.start()
    }
  }

  deinit { shared.close() }

  /// Calls `body` once for every piece in `0..<count`, from several threads, and returns when all are done.
  /// `worker` is below `threads`, and no two calls at a time have the same.
  func run(_ count: Int, _ body: (_ worker: Int, _ piece: Int) -> Void) {
    guard threads > 1, count > 1 else {
      for piece in 0..<count { body(0, piece) }
      return
    }
    withoutActuallyEscaping(body) { shared.run(count, workers: threads - 1, $0) }
  }
}

/// What the threads share; they hold it, so that the pool itself may go at any time.
private final class SharedWork: @unchecked Sendable {
  typealias Body = (_ worker: Int, _ piece: Int) -> Void

  private let condition = NSCondition()
  private let next = Atomic<Int>(0)
  // Guarded by `condition`.
  private var job: (count: Int, body: Body)?
  private var generation = 0
  private var working = 0
  private var isClosed = false

  func run(_ count: Int, workers: Int, _ body: @escaping Body) {
    next.store(0, ordering: .relaxed)
    condition.withLock {
      job = (count, body)
      working = workers
      generation += 1
      condition.broadcast()
    }
    takePieces(0, count, body)
    condition.withLock {
      while working > 0 { condition.wait() }
      job = nil
    }
  }

  func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }

  func serve(_ worker: Int) {
    var seen = 0
    while takePart(worker, after: seen) {
      seen += 1
      condition.withLock {
        working -= 1
        if working == 0 { condition.broadcast() }
      }
    }
  }

  /// Helps with the job after the one numbered `seen`; false when there will be none. `run` waits for every worker,
  /// so none misses a job, and none holds its body once it has said that it is done: a call of its own, or the compiler
  /// might let go of the body later.
  @inline(never)
  private func takePart(_ worker: Int, after seen: Int) -> Bool {
    guard let job = nextJob(after: seen) else { return false }
    takePieces(worker, job.count, job.body)
    return true
  }

  private func nextJob(after seen: Int) -> (count: Int, body: Body)? {
    condition.withLock {
      while generation == seen, !isClosed { condition.wait() }
      return isClosed ? nil : job
    }
  }

  private func takePieces(_ worker: Int, _ count: Int, _ body: Body) {
    while true {
      let piece = next.add(1, ordering: .relaxed).oldValue
      guard piece < count else { return }
      body(worker, piece)
    }
  }
}
