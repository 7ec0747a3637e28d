// Loops of our own on the OpenMP team that oneDNN runs on.

import COneDNN

/// Splits loops over the team. Where each item is computed by itself, as in all of our loops, any number of
/// threads gives the same bits.
struct Threads {
  /// Elements below which a loop stays on the calling thread: waking the team costs some microseconds.
  static let grain = 4096

  let count: Int
  private let setThreads = optplug_find_set_threads()
  private let parallel = optplug_find_parallel()
  private let threadIndex = optplug_find_thread_index()
  private let teamSize = optplug_find_team_size()

  init(count: Int) { self.count = count }

  /// OpenMP keeps its thread count per calling thread, and a step may run on another one than the last.
  func prepare() { setThreads?(Int32(count)) }

  /// Calls `body` with ranges that together cover `0..<items`; each item costs about `cost` elements' work.
  func forRanges(_ items: Int, cost: Int = 1, _ body: (Range<Int>) -> Void) {
    // All or one: libgomp ends the threads that a smaller team leaves over, and has to start them again.
    let worthwhile = count > 1 && items * cost >= 2 * Self.grain
    guard worthwhile, let parallel, let threadIndex, let teamSize else { return body(0..<items) }
    withoutActuallyEscaping(body) { body in
      var team = Team(items: items, index: threadIndex, size: teamSize, body: body)
      withUnsafeMutablePointer(to: &team) { team in
        parallel(
          { context in
            guard let context else { return }
            context.assumingMemoryBound(to: Team.self).pointee.work()
          }, team, UInt32(count), 0)
      }
    }
  }

  private struct Team {
    let items: Int
    let index: @convention(c) () -> Int32
    let size: @convention(c) () -> Int32
    let body: (Range<Int>) -> Void

    func work() {
      let (worker, workers) = (Int(index()), Int(size()))
      let range = (items * worker / workers)..<(items * (worker + 1) / workers)
      if !range.isEmpty { body(range) }
    }
  }
}

/// An operation that is a loop of our own.
final class LoopKernel: Kernel {
  private let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }

  func bind() {}
  func run() { body() }
}
