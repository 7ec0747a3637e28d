// Loops over the OpenMP team: every item once, whatever the number of threads.

import Synchronization
import Testing

@testable import ConvNet

@Suite struct ThreadsTests {
  @Test(arguments: [1, 2, 3, 8], [0, 1, 7, 5000, 100_003])
  func everyItemIsVisitedOnce(threads: Int, items: Int) {
    let visits = UnsafeMutableBufferPointer<Int32>.allocate(capacity: items)
    defer { visits.deallocate() }
    visits.initialize(repeating: 0)
    nonisolated(unsafe) let shared = visits
    Threads(count: threads).forRanges(items, cost: 100) { range in
      for index in range { shared[index] += 1 }
    }
    #expect(visits.allSatisfy { $0 == 1 })
  }

  @Test func largeLoopsUseTheTeam() {
    let ranges = Atomic(0)
    let threads = Threads(count: 2)
    threads.prepare()
    threads.forRanges(1 << 20) { _ in ranges.add(1, ordering: .relaxed) }
    #expect(ranges.load(ordering: .relaxed) == 2)
  }
}
