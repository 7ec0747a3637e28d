// Stochastic depth: whole images, at its rate, the same ones backward.

import Testing

@testable import ConvNet

@Suite struct StochasticDepthTests {
  private let shape = [512, 2, 2, 3]
  private let size = 12

  private func run(
    rate: Float, key: UInt64, mode: Mode = .training, threads: Int = 1
  ) throws -> (output: [Float], gradient: [Float]) {
    let probe = try LayerProbe(shape, mode: mode, threads: threads) { _ in
      StochasticDepth(name: "depth", rate: rate)
    }
    probe.step.dropoutKey = key
    let ones = [Double](repeating: 1, count: 512 * size)
    return try probe.run(ones, upstream: mode == .training ? ones : [])
  }

  @Test(arguments: [0.1, 0.5, 0.8] as [Float]) func dropsWholeImagesAtItsRate(rate: Float) throws {
    let output = try run(rate: rate, key: 11).output
    let firsts = (0..<512).map { output[$0 * size] }
    #expect(firsts.allSatisfy { $0 == 0 || $0 == 1 / (1 - rate) })
    for (image, first) in firsts.enumerated() {
      #expect(output[image * size..<(image + 1) * size].allSatisfy { $0 == first })
    }
    // Five standard deviations of a binomial.
    let p = Double(rate)
    let dropped = Double(firsts.count { $0 == 0 })
    #expect(abs(dropped - 512 * p) < 5 * (512 * p * (1 - p)).squareRoot())
  }

  @Test func backwardUsesTheForwardMask() throws {
    let found = try run(rate: 0.5, key: 3)
    #expect(found.output == found.gradient)
  }

  @Test func masksDependOnTheKeyOnly() throws {
    let first = try run(rate: 0.5, key: 3).output
    #expect(try run(rate: 0.5, key: 3, threads: 2).output == first)
    #expect(try run(rate: 0.5, key: 4).output != first)
  }

  @Test func layersHaveTheirOwnMasks() throws {
    let probe = try LayerProbe(shape) { _ in
      Sequential([StochasticDepth(name: "first", rate: 0.5), StochasticDepth(name: "second", rate: 0.5)])
    }
    probe.step.dropoutKey = 1
    let ones = [Double](repeating: 1, count: 512 * size)
    let output = try probe.run(ones, upstream: ones).output
    let kept = Double((0..<512).count { output[$0 * size] == 4 })
    #expect(abs(kept - 128) < 5 * (512 * 0.1875).squareRoot())
  }

  @Test func inferenceAndRateZeroChangeNothing() throws {
    #expect(try run(rate: 0.5, key: 1, mode: .inference).output.allSatisfy { $0 == 1 })
    #expect(try run(rate: 0, key: 1).output.allSatisfy { $0 == 1 })
  }
}
