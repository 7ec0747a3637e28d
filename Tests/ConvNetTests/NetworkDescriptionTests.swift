// Descriptions against PyTorch's flop counter and against the networks themselves.

import ConvNet
import Foundation
import Testing

@Suite struct NetworkDescriptionTests {
  private static let shapes = [
    InputShape(channels: 1, height: 28, width: 28), InputShape(channels: 3, height: 32, width: 32),
  ]

  @Test(arguments: Architecture.allCases, shapes)
  func flopsAreThoseThatPyTorchCounts(_ architecture: Architecture, input: InputShape) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/flops.json")
    let counts = try JSONDecoder().decode([String: Int].self, from: Data(contentsOf: file))
    let description = try NetworkDescription(architecture, input: input, classes: 10, batchSize: 2)
    #expect(description.flops == counts["\(architecture.rawValue)-\(input)"])
    #expect(description.layers.reduce(0) { $0 + $1.parameterCount } == description.parameterCount)
    #expect(description.layers.last?.outputShape == [10])
  }

  @Test(arguments: [Architecture.lenet, .baseline]) func memoryIsThatOfTheNetwork(
    _ architecture: Architecture
  ) throws {
    let input = Self.shapes[0]
    let description = try NetworkDescription(architecture, input: input, classes: 10, batchSize: 16)
    let network = try Network(architecture, input: input, classes: 10, batchSize: 16, seed: 1, threads: 1)
    #expect(description.workingMemoryBytes == network.workingMemoryBytes)
    #expect(description.parameterCount == network.parameterCount)
    #expect(description.trainingBytes == 8 * network.parameterCount + network.workingMemoryBytes)
  }

  @Test func whatANetworkRefusesIsRefused() {
    let input = InputShape(channels: 1, height: 8, width: 8)
    #expect(throws: ConvNetError.self) {
      try NetworkDescription(.lenet, input: input, classes: 10, batchSize: 2)
    }
    #expect(throws: ConvNetError.configuration(name: "batchSize", value: 0, range: "1...65536")) {
      try NetworkDescription(.lenet, input: Self.shapes[0], classes: 10, batchSize: 0)
    }
  }
}
