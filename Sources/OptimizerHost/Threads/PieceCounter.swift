// Hands out the numbers of pieces to threads.

import Synchronization

/// The pieces of one piece of work, shared out in advance: each worker takes its own share in order, so that it walks
/// memory forwards and finds the same pieces as in the last step, and then helps where others have some left.
final class PieceCounter: @unchecked Sendable {
  private let workers: Int
  private let shares: UnsafeMutablePointer<Share>
  private var isSerial = false

  /// One worker's pieces; apart from the others by two cache lines, since every taking writes it.
  private struct Share: ~Copyable {
    let next = Atomic<Int>(0)
    let end = Atomic<Int>(0)
    // 16 + 112 bytes.
    let padding: (SIMD8<Int>, SIMD4<Int>, SIMD2<Int>) = (.zero, .zero, .zero)
  }

  init(workers: Int) {
    self.workers = workers
    shares = .allocate(capacity: workers)
    for worker in 0..<workers { (shares + worker).initialize(to: Share()) }
  }

  deinit {
    shares.deinitialize(count: workers)
    shares.deallocate()
  }

  /// Starts over with the pieces `0..<count`. No worker may be taking any.
  /// - Parameter serially: whether the first worker gets them all, in order.
  func reset(_ count: Int, serially: Bool = false) {
    isSerial = serially
    var start = 0
    for worker in 0..<workers {
      let share = serially ? (worker == 0 ? count : 0) : count / workers + (worker < count % workers ? 1 : 0)
      shares[worker].next.store(start, ordering: .relaxed)
      shares[worker].end.store(start + share, ordering: .relaxed)
      start += share
    }
  }

  /// A piece that nobody else gets, or nil when there are none left.
  @inline(__always)
  func next(for worker: Int) -> Int? {
    if isSerial, worker != 0 { return nil }
    for i in 0..<workers {
      let share = worker + i < workers ? worker + i : worker + i - workers
      // An exhausted share is only read, or its counter would go on for ever.
      guard shares[share].next.load(ordering: .relaxed) < shares[share].end.load(ordering: .relaxed) else {
        continue
      }
      let piece = shares[share].next.add(1, ordering: .relaxed).oldValue
      if piece < shares[share].end.load(ordering: .relaxed) { return piece }
    }
    return nil
  }
}
