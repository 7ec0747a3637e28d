// Initial parameters: He's deviations, constants, and dependence on the seed.

import ConvNet
import Testing

@Suite struct InitializationTests {
  private func network(seed: UInt64, drawsWeights: Bool = true) throws -> Network {
    try Network(
      .resnet18, input: InputShape(channels: 3, height: 32, width: 32), classes: 10, batchSize: 1, seed: seed,
      threads: 1, drawsWeights: drawsWeights)
  }

  @Test func weightsAreHeNormal() throws {
    let network = try network(seed: 1)
    for parameter in network.parameters where parameter.kind == .weight {
      let count = Double(parameter.values.count)
      let fanIn = Double(parameter.shape.dropFirst().reduce(1, *))
      let variance = (parameter.name == "fc.weight" ? 1 : 2) / fanIn
      let mean = parameter.values.reduce(0) { $0 + Double($1) } / count
      let square = parameter.values.reduce(0) { $0 + Double($1) * Double($1) } / count
      // Five standard deviations of the estimates.
      #expect(abs(mean) < 5 * (variance / count).squareRoot(), "\(parameter.name)")
      #expect(abs(square / variance - 1) < 5 * (2 / count).squareRoot(), "\(parameter.name)")
      if count > 100_000 {
        // Normal, not uniform: beyond two deviations lie 4.55 %, beyond four almost nothing but something.
        let tail = Double(parameter.values.count { Double($0 * $0) > 4 * variance }) / count
        #expect(abs(tail - 0.0455) < 5 * (0.0455 / count).squareRoot(), "\(parameter.name)")
      }
    }
  }

  @Test func biasesAndNormsAreConstant() throws {
    for draws in [true, false] {
      let network = try network(seed: 1, drawsWeights: draws)
      for parameter in network.parameters where parameter.kind != .weight {
        #expect(parameter.values.allSatisfy { $0 == (parameter.name.hasSuffix("weight") ? 1 : 0) })
      }
      for buffer in network.buffers {
        #expect(buffer.values.allSatisfy { $0 == (buffer.name.hasSuffix("var") ? 1 : 0) })
      }
    }
  }

  @Test func weightsThatAreNotDrawnAreZero() throws {
    for parameter in try network(seed: 1, drawsWeights: false).parameters where parameter.kind == .weight {
      #expect(parameter.values.allSatisfy { $0 == 0 })
    }
  }

  /// And not the number of threads that draw.
  @Test func seedDecides() throws {
    func weights(seed: UInt64, threads: Int) throws -> [[Float]] {
      try Network(
        .lenet, input: InputShape(channels: 3, height: 32, width: 32), classes: 10, batchSize: 1, seed: seed,
        threads: threads
      ).parameters.filter { $0.kind == .weight }.map { Array($0.values) }
    }
    let (first, second, other) = (
      try weights(seed: 1, threads: 1), try weights(seed: 1, threads: 3), try weights(seed: 2, threads: 1)
    )
    #expect(first == second)
    for (one, two) in zip(first, other) { #expect(one != two) }
  }
}
