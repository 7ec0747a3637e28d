// The lifetime planner: tensors alive together never share a byte, and the rest share what they can.

import Foundation
import Testing

@testable import ConvNet

@Suite struct ArenaTests {
  private func randomLifetimes(_ stream: Int, count: Int) -> [Lifetime] {
    (0..<count).map { index in
      let bits = CounterFormula.bits(stream, index)
      let first = Int(bits % 100)
      return Lifetime(
        byteCount: Int((bits >> 8) % 5000), first: first, last: first + Int((bits >> 32) % 12))
    }
  }

  @Test(arguments: 0..<20) func tensorsAliveTogetherNeverOverlap(stream: Int) {
    let lifetimes = randomLifetimes(500 + stream, count: 120)
    let (offsets, total) = planOffsets(lifetimes)
    for a in lifetimes.indices {
      #expect(offsets[a] % AlignedMemory.alignment == 0)
      #expect(offsets[a] >= 0 && offsets[a] + lifetimes[a].byteCount <= total)
      for b in lifetimes.indices.dropFirst(a + 1) where lifetimes[a].meets(lifetimes[b]) {
        let apart =
          offsets[a] + lifetimes[a].byteCount <= offsets[b]
          || offsets[b] + lifetimes[b].byteCount <= offsets[a]
        #expect(apart, "tensors \(a) and \(b)")
      }
    }
  }

  @Test(arguments: 0..<20) func memoryIsCloseToWhatIsAliveAtOnce(stream: Int) {
    let lifetimes = randomLifetimes(600 + stream, count: 120)
    let alive = (0...112).map { time in
      lifetimes.filter { $0.first <= time && time <= $0.last }
        .reduce(0) { $0 + AlignedMemory.roundUp($1.byteCount) }
    }
    let least = alive.max() ?? 0
    let total = planOffsets(lifetimes).byteCount
    #expect(total >= least)
    #expect(Double(total) <= 1.35 * Double(least), "\(total) for \(least)")
  }

  @Test func tensorsThatNeverMeetShareEverything() {
    let lifetimes = (0..<5).map { Lifetime(byteCount: 640, first: 2 * $0, last: 2 * $0 + 1) }
    #expect(planOffsets(lifetimes) == ([0, 0, 0, 0, 0], 640))
  }

  @Test(arguments: Architecture.allCases)
  func stepsDoNotDependOnWhatTheArenaHeld(_ architecture: Architecture) throws {
    let input = InputShape(channels: 1, height: 28, width: 28)
    let network = try Network(quick: architecture, input: input, batchSize: 3, threads: 2)
    let images = (0..<3 * input.count).map { Float(CounterFormula.uniform(700, $0)) }
    let labels: [Int32] = [4, 0, 8]
    func bits() throws -> [[UInt32]] {
      network.stepCount = 0
      let trained = try network.trainStep(images: images, labels: labels, count: 3)
      let gradients = network.parameters.map { $0.gradient.map(\.bitPattern) }
      for buffer in network.buffers { buffer.values.update(repeating: 1) }
      let judged = try network.evaluate(images: images, labels: labels, count: 3)
      return gradients + [[trained, judged].map { Float($0.lossSum).bitPattern }]
    }
    let first = try bits()
    // All ones are NaN as floats: reading anything that the step did not write itself would show.
    memset(network.arena.base, 0xff, network.arena.byteCount)
    for parameter in network.parameters { parameter.gradient.update(repeating: .nan) }
    #expect(try bits() == first)
  }

  @Test func memoryBeyondTheMachineIsRefused() {
    #expect(throws: ConvNetError.outOfMemory(bytes: 1 << 50, purpose: "activations")) {
      try AlignedMemory(byteCount: 1 << 50, purpose: "activations")
    }
  }

  @Test func planIsDeterministic() {
    let lifetimes = (0..<40).map { _ in Lifetime(byteCount: 128, first: 0, last: 3) }
    #expect(planOffsets(lifetimes).offsets == (0..<40).map { 128 * $0 })
  }
}
