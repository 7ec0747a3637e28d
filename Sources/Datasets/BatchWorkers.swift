// Threads that work on batches in the time that the network leaves them.

import Foundation

/// A number of threads that help with the latest batch announced. They end with the value.
final class BatchWorkers: Sendable {
  let count: Int
  private let meeting = Meeting()

  /// - Parameter shape: of the images that they prepare.
  init(count: Int, shape: ImageShape) {
    self.count = max(0, count)
    for _ in 0..<self.count {
      meeting.running.enter()
      let thread = Thread { [meeting] in
        Self.giveWay()
        let scratch = SampleScratch(shape: shape)
        var last: BatchJob?
        while let job = meeting.next(after: last) {
          job.help(scratch)
          last = job
        }
        last = nil
        meeting.running.leave()
      }
      thread.name = "batches"
      thread.start()
    }
  }

  /// Waits until each thread has ended what it was at.
  deinit {
    meeting.stop()
    meeting.running.wait()
  }

  /// Whoever is free helps with `job`; what was announced before is forgotten.
  func announce(_ job: BatchJob) {
    if count > 0 { meeting.announce(job) }
  }

  /// Puts the calling thread behind those of normal priority.
  private static func giveWay() {
    #if os(Linux)
      // Priorities belong to threads here, and 0 is the calling one. A refusal does no harm.
      _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    #else
      Thread.current.qualityOfService = .utility
    #endif
  }
}

/// Where threads wait for the next job.
private final class Meeting: @unchecked Sendable {
  let running = DispatchGroup()
  private let condition = NSCondition()
  private var job: BatchJob?
  private var isStopped = false

  func announce(_ job: BatchJob) {
    condition.withLock { self.job = job }
    condition.broadcast()
  }

  func stop() {
    condition.withLock {
      isStopped = true
      job = nil
    }
    condition.broadcast()
  }

  /// Another job than `last`; `nil` when there will be none.
  func next(after last: BatchJob?) -> BatchJob? {
    condition.withLock {
      while !isStopped {
        if let job, job !== last { return job }
        condition.wait()
      }
      return nil
    }
  }
}
