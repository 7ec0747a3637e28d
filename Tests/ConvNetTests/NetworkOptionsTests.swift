// Choices within an architecture: what they change, and what is refused.

import ConvNet
import Testing

private let digits = InputShape(channels: 1, height: 28, width: 28)

@Suite struct NetworkOptionsTests {
  private func mlp(_ change: (inout NetworkOptions) -> Void) throws -> Network {
    var options = NetworkOptions()
    change(&options)
    return try Network(
      .mlp, input: digits, classes: 10, batchSize: 4, seed: 1, threads: 1, options: options)
  }

  @Test func hiddenSizesDecideTheShapes() throws {
    let own = try mlp { _ in }
    #expect(own.options.hiddenSizes == [512, 256, 128] && own.options.batchNorm == false)
    // 784·512 + 512 + 512·256 + 256 + 256·128 + 128 + 128·10 + 10
    #expect(own.parameterCount == 567_434 && own.buffers.isEmpty)
    let small = try mlp {
      $0.hiddenSizes = [6, 5]
      $0.batchNorm = true
    }
    #expect(
      small.parameters.map(\.name) == [
        "fc1.weight", "fc1.bias", "bn1.weight", "bn1.bias", "fc2.weight", "fc2.bias", "bn2.weight",
        "bn2.bias", "fc3.weight", "fc3.bias",
      ])
    #expect(small.parameters[4].shape == [5, 6] && small.buffers.map(\.shape) == [[6], [6], [5], [5]])
  }

  @Test func dropoutIsDrawnInTrainingOnly() throws {
    let images = (0..<4 * digits.count).map { Float(CounterFormula.uniform(1, $0)) }
    func losses(_ rate: Double?) throws -> [Double] {
      let network = try mlp { $0.dropout = rate }
      let steps = try (0..<2).map { _ in
        try network.trainStep(images: images, labels: [1, 2, 3, 4], count: 4).lossSum
      }
      return steps + [try network.evaluate(images: images, labels: [1, 2, 3, 4], count: 4).lossSum]
    }
    let (none, half) = (try losses(nil), try losses(0.5))
    #expect(none[0] == none[1] && half[0] != half[1] && half[0] != none[0])
    #expect(none[2] == half[2])
    #expect(try losses(0) == none)
  }

  @Test func lenetPoolsAsAsked() throws {
    let images = (0..<4 * digits.count).map { Float(CounterFormula.uniform(1, $0)) }
    func loss(_ pooling: Pooling?) throws -> Double {
      var options = NetworkOptions()
      options.pooling = pooling
      let network = try Network(
        .lenet, input: digits, classes: 10, batchSize: 4, seed: 1, threads: 1, options: options)
      #expect(network.options.pooling == pooling ?? .max && network.parameterCount == 1_350_986)
      return try network.evaluate(images: images, labels: [1, 2, 3, 4], count: 4).lossSum
    }
    let own = try loss(nil)
    #expect(try loss(.max) == own)
    #expect(try loss(.average) != own)
  }

  @Test func whatIsNotStatedComesFromElsewhere() {
    var (here, there) = (NetworkOptions(), NetworkOptions())
    there.hiddenSizes = [8]
    there.batchNorm = true
    there.dropout = 0.5
    there.pooling = .average
    here.batchNorm = false
    let result = here.completed(by: there)
    #expect(result.hiddenSizes == [8] && result.batchNorm == false && result.dropout == nil)
    #expect(result.pooling == .average)
    here.pooling = .max
    #expect(here.completed(by: there).pooling == .max)
  }

  private func refusal(_ architecture: Architecture, _ change: (inout NetworkOptions) -> Void) -> String {
    var options = NetworkOptions()
    change(&options)
    do {
      return "\(try architecture.resolve(options))"
    } catch {
      return "\(error)"
    }
  }

  @Test func nonsenseIsRefusedByName() {
    for sizes in [[], [0], [512, -1], [65_537], [Int](repeating: 1, count: 65)] {
      #expect(
        refusal(.mlp) { $0.hiddenSizes = sizes }
          == "hidden sizes \(sizes) is out of range; use 1 to 64 numbers of 1...65536")
    }
    for rate in [-0.1, 1, .nan] {
      #expect(
        refusal(.alexnet) { $0.dropout = rate }
          == "dropout \(rate) is out of range; use 0 or more and below 1")
    }
    #expect(
      refusal(.resnet18) { $0.hiddenSizes = [8] }
        == "resnet18 has no use for hidden sizes: leave it out, or choose mlp")
    #expect(
      refusal(.vgg16) { $0.pooling = .average }
        == "vgg16 has no use for pooling: leave it out, or choose lenet")
    #expect(refusal(.lenet) { $0.dropout = 0.1 }.hasPrefix("lenet has no use for dropout: leave it out, or "))
  }
}
