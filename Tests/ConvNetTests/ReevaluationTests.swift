// Evaluating the loss of a step again: the same masks, nothing counted twice.

import ConvNet
import Testing

@Suite struct ReevaluationTests {
  private let shape = InputShape(channels: 1, height: 28, width: 28)
  private let labels: [Int32] = [1, 0, 9, 4]
  private var images: [Float] { (0..<4 * shape.count).map { Float(CounterFormula.uniform(0, $0)) } }

  private func network(_ architecture: Architecture) throws -> Network {
    try Network(quick: architecture, input: shape, batchSize: 4)
  }

  private func gradients(_ network: Network) -> [[UInt32]] {
    network.parameters.map { $0.gradient.map(\.bitPattern) }
  }

  private func buffers(_ network: Network) -> [[UInt32]] {
    network.buffers.map { $0.values.map(\.bitPattern) }
  }

  /// With dropout (baseline) and running statistics (baseline, resnet18).
  @Test(arguments: Architecture.allCases) func repeatsTheLastStep(_ architecture: Architecture) throws {
    let (network, other) = (try network(architecture), try network(architecture))
    for _ in 1...2 {
      let result = try network.trainStep(images: images, labels: labels, count: 4)
      let (found, statistics, steps) = (gradients(network), buffers(network), network.stepCount)
      for parameter in network.parameters { parameter.gradient.update(repeating: 7) }
      for _ in 1...2 {
        #expect(try network.reevaluate(images: images, labels: labels, count: 4) == result)
        #expect(gradients(network) == found)
        #expect(buffers(network) == statistics)
        #expect(network.stepCount == steps)
      }
      // The next step is the one that would have come anyway.
      #expect(try other.trainStep(images: images, labels: labels, count: 4) == result)
      #expect(gradients(other) == found)
      #expect(buffers(other) == statistics)
    }
    #expect(network.stepCount == 2)
  }

  @Test func seesTheParametersAsTheyAre() throws {
    let network = try network(.baseline)
    let result = try network.trainStep(images: images, labels: labels, count: 4)
    let found = gradients(network)
    for parameter in network.parameters where parameter.kind == .weight { parameter.values[0] += 0.1 }
    #expect(try network.reevaluate(images: images, labels: labels, count: 4) != result)
    #expect(gradients(network) != found)
  }

  @Test func needsAStepBefore() throws {
    let network = try network(.lenet)
    #expect(throws: ConvNetError.nothingToReevaluate) {
      try network.reevaluate(images: images, labels: labels, count: 4)
    }
  }
}
