// Running statistics, inference by them, and the refusal of variances that do not exist.

import Testing

@testable import ConvNet

@Suite struct NormalizationTests {
  private let shape = [4, 8, 3, 3]

  private func input(_ stream: Int) -> Reference {
    Reference(shape, CounterFormula.uniform(stream, count: 288).map { 2 * $0 + 0.7 })
  }

  @Test func runningStatisticsFollowPyTorch() throws {
    let probe = try LayerProbe(shape) { BatchNormalization("bn", channels: 8, in: $0) }
    var mean = [Double](repeating: 0, count: 8)
    var variance = [Double](repeating: 1, count: 8)
    for batch in 0..<3 {
      let input = input(300 + batch)
      _ = try probe.run(input.values, upstream: [Double](repeating: 0, count: 288))
      let (batchMean, batchVariance) = statistics(input)
      for channel in 0..<8 {
        mean[channel] += 0.1 * (batchMean[channel] - mean[channel])
        // 36 values a channel: unbiased.
        variance[channel] += 0.1 * (batchVariance[channel] * 36 / 35 - variance[channel])
      }
    }
    for channel in 0..<8 {
      #expect(abs(Double(probe.buffer("bn.running_mean")[channel]) - mean[channel]) < 1e-6)
      #expect(abs(Double(probe.buffer("bn.running_var")[channel]) - variance[channel]) < 1e-6)
    }
  }

  @Test(arguments: [false, true]) func inferenceUsesRunningStatistics(relu: Bool) throws {
    let probe = try LayerProbe(shape, mode: .inference) {
      BatchNormalization("bn", channels: 8, relu: relu, in: $0)
    }
    let mean = CounterFormula.uniform(310, count: 8)
    let variance = CounterFormula.uniform(311, count: 8).map { 1.5 + $0 }
    let scale = CounterFormula.uniform(312, count: 8)
    let shift = CounterFormula.uniform(313, count: 8)
    probe.set("bn.running_mean", mean)
    probe.set("bn.running_var", variance)
    probe.set("bn.weight", scale)
    probe.set("bn.bias", shift)
    let input = input(314)
    let found = try probe.run(input.values).output
    let exact = normalize(input, mean: mean, variance: variance, scale: scale, shift: shift)
    for (value, reference) in zip(found, relu ? rectify(exact).values : exact.values) {
      #expect(abs(Double(value) - reference) < 1e-5)
    }
    #expect(probe.buffer("bn.running_mean") == mean.map { Float($0) })
  }

  @Test func oneValuePerChannelIsRefused() {
    #expect(throws: ConvNetError.singleValuePerChannel(layer: "bn")) {
      try LayerProbe([1, 8, 1, 1]) { BatchNormalization("bn", channels: 8, in: $0) }
    }
  }
}
