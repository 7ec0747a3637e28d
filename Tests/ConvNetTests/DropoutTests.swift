// Dropout: rates, independence, and the same mask forward and backward.

import Testing

@testable import ConvNet

@Suite struct DropoutTests {
  private let count = 64 * 1024
  private let shape = [64, 1024]

  private func run(rate: Float, key: UInt64, threads: Int = 1) throws -> (output: [Float], gradient: [Float])
  {
    let probe = try LayerProbe(shape, threads: threads) { _ in Dropout(name: "dropout", rate: rate) }
    probe.step.dropoutKey = key
    let ones = [Double](repeating: 1, count: count)
    return try probe.run(ones, upstream: ones)
  }

  @Test(arguments: [0.1, 0.25, 0.5, 0.9] as [Float]) func dropsAtItsRateAndScalesTheRest(rate: Float) throws {
    let output = try run(rate: rate, key: 11).output
    #expect(output.allSatisfy { $0 == 0 || $0 == 1 / (1 - rate) })
    let dropped = Double(output.count { $0 == 0 })
    // Five standard deviations of a binomial.
    let p = Double(rate)
    #expect(abs(dropped - p * Double(count)) < 5 * (p * (1 - p) * Double(count)).squareRoot())
  }

  @Test func backwardUsesTheForwardMask() throws {
    let found = try run(rate: 0.5, key: 3)
    #expect(found.output == found.gradient)
  }

  @Test func masksDependOnTheKeyOnly() throws {
    let first = try run(rate: 0.5, key: 3)
    #expect(try run(rate: 0.5, key: 3).output == first.output)
    #expect(try run(rate: 0.5, key: 3, threads: 2).output == first.output)
    let other = try run(rate: 0.5, key: 4).output
    // Independent masks at rate 1/2 agree in half of the places.
    let agreements = zip(first.output, other).count { $0 == $1 }
    #expect(abs(Double(agreements) - 0.5 * Double(count)) < 5 * (0.25 * Double(count)).squareRoot())
  }

  @Test func neighboursAreIndependent() throws {
    let output = try run(rate: 0.5, key: 5).output
    for distance in [1, 2, 8, 16, 1024] {
      let agreements = (0..<count - distance).count { (output[$0] == 0) == (output[$0 + distance] == 0) }
      let pairs = Double(count - distance)
      #expect(abs(Double(agreements) - 0.5 * pairs) < 5 * (0.25 * pairs).squareRoot())
    }
  }

  @Test func layersAndStepsHaveTheirOwnMasks() throws {
    let probe = try LayerProbe(shape) { _ in
      Sequential([Dropout(name: "first", rate: 0.5), Dropout(name: "second", rate: 0.5)])
    }
    let ones = [Double](repeating: 1, count: count)
    probe.step.dropoutKey = 1
    let first = try probe.run(ones, upstream: ones).output
    // Two independent layers keep a quarter.
    let kept = Double(first.count { $0 == 4 })
    #expect(abs(kept - 0.25 * Double(count)) < 5 * (0.1875 * Double(count)).squareRoot())
    probe.step.dropoutKey = 2
    #expect(try probe.run(ones, upstream: ones).output != first)
  }

  @Test func inferenceAndRateZeroChangeNothing() throws {
    let values = CounterFormula.uniform(1, count: count)
    for (mode, rate) in [(Mode.inference, Float(0.5)), (.training, 0)] {
      let probe = try LayerProbe(shape, mode: mode) { _ in Dropout(name: "dropout", rate: rate) }
      #expect(try probe.run(values).output == values.map { Float($0) })
    }
  }
}
