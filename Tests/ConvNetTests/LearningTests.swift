// Each architecture learns: a few steps on one batch, as of digits and as of photos.

import ConvNet
import Testing

@Suite struct LearningTests {
  private static let shapes = [
    InputShape(channels: 1, height: 28, width: 28), InputShape(channels: 3, height: 32, width: 32),
  ]

  /// Each value moves against the sign of its gradient: Adam's first step, without its state.
  private func descend(_ network: Network, rate: Float) {
    for parameter in network.parameters {
      for index in parameter.values.indices {
        let gradient = parameter.gradient[index]
        parameter.values[index] -= gradient > 0 ? rate : gradient < 0 ? -rate : 0
      }
    }
  }

  /// Dropout and stochastic depth stay in: the last step has the masks of the first, so that the losses compare.
  @Test(arguments: Architecture.allCases, shapes)
  func learnsABatch(_ architecture: Architecture, input: InputShape) throws {
    let network = try Network(
      architecture, input: input, classes: 10, batchSize: 4, seed: 4, threads: 1)
    let images = (0..<4 * input.count).map { Float(1.7 * CounterFormula.uniform(40, $0)) }
    let labels: [Int32] = [3, 1, 4, 0]
    // Of each tensor something: a unit that no image of the batch wakes has no gradient.
    let before = network.parameters.map { Array($0.values) }
    var losses: [Double] = []
    for _ in 0..<4 {
      let result = try network.trainStep(images: images, labels: labels, count: 4)
      #expect(result.lossSum.isFinite)
      losses.append(result.meanLoss)
      descend(network, rate: 5e-4)
    }
    network.stepCount = 0
    losses.append(try network.trainStep(images: images, labels: labels, count: 4).meanLoss)
    #expect(losses[4] < 0.8 * losses[0], "\(losses)")
    for (parameter, before) in zip(network.parameters, before) {
      #expect(!parameter.values.elementsEqual(before), "\(parameter.name)")
      #expect(parameter.values.allSatisfy { $0.isFinite }, "\(parameter.name)")
    }
  }
}
