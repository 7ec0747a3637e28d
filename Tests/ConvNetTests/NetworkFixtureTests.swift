// Each network against PyTorch: forward, loss, every gradient and running statistic.

import ConvNet
import Foundation
import Testing

/// What scripts/fixtures/make_network_fixtures.py wrote. Everything is from float64; the `error` fields are what
/// PyTorch's own float32 results deviate from it.
private struct NetworkFixture: Decodable {
  struct Summary: Decodable {
    let name: String
    let shape: [Int]
    let norm: Double
    let errorNorm: Double
    let largestError: Double
    let projections: [Double]
    let samples: [Double]
  }

  let architecture: String
  let channels: Int
  let size: Int
  let count: Int
  let imageStream: Int
  let hiddenSizes: [Int]?
  let batchNorm: Bool?
  let pooling: Pooling?
  let loss: Double
  let logits: [Double]
  let logitsError: Double
  let evaluationLogits: [Double]
  let evaluationLogitsError: Double
  let tensors: [Summary]

  static func load(_ name: String) throws -> NetworkFixture {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/\(name).json")
    return try JSONDecoder().decode(NetworkFixture.self, from: Data(contentsOf: file))
  }
}

@Suite(.serialized) struct NetworkFixtureTests {
  /// How far results may lie from the exact ones.
  private struct Bar {
    /// Times PyTorch's own error in float32: both are single draws of rounding errors, and oneDNN's batch norm sums
    /// a channel's mean in fewer parts than PyTorch's (3 times the error where seen).
    var factor = 4.0
    /// What gradients may be off in any case, of the tensor's norm.
    var share = 0.0

    static let direct = Bar()
    /// Winograd's transforms round 2 to 4 times as coarsely as the direct sums (WinogradTests), which cuDNN's default
    /// algorithms in float32 do too. The images were chosen so that rounding in direct sums moves no value over a
    /// ReLU's kink or to another maximum of its window. Coarser rounding may move one, and with it a percent of the
    /// gradients behind it, as PyTorch's own float32 gradients are a few thousandths off on other images.
    static let fast = Bar(factor: 4 * direct.factor, share: 2e-2)
  }

  @Test(
    arguments: [
      "lenet-1x28x28", "lenet-3x32x32", "lenet-average-3x32x32", "baseline-1x28x28",
      "baseline-3x32x32", "resnet18-1x28x28", "resnet18-3x32x32", "mlp-1x28x28", "mlp-3x32x32",
      "mlp-norm-3x32x32", "alexnet-1x28x28",
      "alexnet-3x32x32", "vgg16-1x28x28", "vgg16-3x32x32",
      "efficientnet-lite0-1x28x28", "efficientnet-lite0-3x32x32", "efficientnet-b0-1x28x28",
      "efficientnet-b0-3x32x32", "convnext-tiny-1x28x28", "convnext-tiny-3x32x32",
    ])
  func agreesWithPyTorch(_ name: String) throws { try compare(name, directConvolutions: true, .direct) }

  /// The networks that have convolutions which are computed by Winograd's algorithm.
  @Test(
    arguments: ["lenet", "baseline", "resnet18", "alexnet", "vgg16"], ["1x28x28", "3x32x32"])
  func fastConvolutionsAgreeWithPyTorch(_ name: String, _ shape: String) throws {
    try compare("\(name)-\(shape)", directConvolutions: false, .fast)
  }

  private func compare(_ name: String, directConvolutions: Bool, _ bar: Bar) throws {
    let fixture = try NetworkFixture.load(name)
    var options = NetworkOptions()
    options.hiddenSizes = fixture.hiddenSizes
    options.batchNorm = fixture.batchNorm
    options.pooling = fixture.pooling
    let network = try Network(
      try #require(Architecture(name: fixture.architecture)),
      input: InputShape(channels: fixture.channels, height: fixture.size, width: fixture.size), classes: 10,
      batchSize: fixture.count, seed: 0, threads: 2, options: options, dropout: false,
      directConvolutions: directConvolutions,
      drawsWeights: false)
    let names = network.parameters.map(\.name) + network.buffers.map(\.name)
    let shapes = network.parameters.map(\.shape) + network.buffers.map(\.shape)
    #expect(names == fixture.tensors.map(\.name))
    #expect(shapes == fixture.tensors.map(\.shape))
    let values = network.parameters.map(\.values) + network.buffers.map(\.values)
    for (stream, tensor) in values.enumerated() {
      start(tensor, name: names[stream], shape: shapes[stream], stream: stream)
    }
    let images = (0..<fixture.count * network.input.count).map {
      Float(1.5 * CounterFormula.uniform(fixture.imageStream, $0))
    }
    let labels = (0..<fixture.count).map { Int32(CounterFormula.bits(1001, $0) % 10) }

    let result = try network.trainStep(images: images, labels: labels, count: fixture.count)
    expectClose(result.meanLoss, fixture.loss, bar.factor * fixture.logitsError, "loss")
    expectClose(network.logits, fixture.logits, bar.factor * fixture.logitsError, "logits")
    let found = network.parameters.map(\.gradient) + network.buffers.map(\.values)
    for (stream, summary) in fixture.tensors.enumerated() {
      compare(UnsafeBufferPointer(found[stream]), with: summary, stream: 2000 + stream, bar)
    }

    let after = try network.evaluate(images: images, labels: labels, count: fixture.count)
    expectClose(
      network.logits, fixture.evaluationLogits, bar.factor * fixture.evaluationLogitsError,
      "evaluation logits")
    let loss = crossEntropy(Reference([fixture.count, 10], fixture.evaluationLogits), labels)
    #expect(abs(after.lossSum - loss) < 1e-4 * loss)
  }

  /// The start values of the fixtures' script.
  private func start(
    _ values: UnsafeMutableBufferPointer<Float>, name: String, shape: [Int], stream: Int
  ) {
    let (center, radius): (Double, Double)
    if name.hasSuffix("layer_scale") {
      (center, radius) = (0.5, 0.2)
    } else if shape.count > 1 {
      (center, radius) = (0, (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot())
    } else if name.hasSuffix("weight") {
      (center, radius) = (1, 0.2)
    } else if name.hasSuffix("running_var") {
      (center, radius) = (1, 0.3)
    } else {
      (center, radius) = (0, 0.1)
    }
    for index in 0..<values.count {
      values[index] = Float(center + radius * CounterFormula.uniform(stream, index))
    }
  }

  private func expectClose(_ value: Double, _ exact: Double, _ error: Double, _ what: String) {
    let bar = max(error, 4 * abs(exact) * 0x1p-23)
    #expect(abs(value - exact) <= bar, "\(what): \(value), exactly \(exact), bar \(bar)")
  }

  private func expectClose(
    _ values: UnsafeBufferPointer<Float>, _ exact: [Double], _ error: Double, _ what: String
  ) {
    #expect(values.count == exact.count)
    for (value, exact) in zip(values, exact) { expectClose(Double(value), exact, error, what) }
  }

  private func compare(
    _ values: UnsafeBufferPointer<Float>, with summary: NetworkFixture.Summary, stream: Int, _ bar: Bar
  ) {
    var projections = [Double](repeating: 0, count: summary.projections.count)
    var squares = 0.0
    for index in 0..<values.count {
      let signs = CounterFormula.bits(stream, index)
      let value = Double(values[index])
      squares += value * value
      for k in 0..<projections.count { projections[k] += signs >> (63 - k) & 1 == 0 ? value : -value }
    }
    // Over random signs, a projection of the error vector has the error's norm as its deviation.
    let deviation =
      (zip(projections, summary.projections).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      / Double(projections.count)).squareRoot()
    let floor = summary.norm * 0x1p-24
    let share = bar.share * summary.norm
    let limit = max(bar.factor * max(summary.errorNorm, floor), share)
    #expect(deviation <= limit, "\(summary.name): error \(deviation), bar \(limit)")
    #expect(abs(squares.squareRoot() - summary.norm) <= limit, "\(summary.name): norm")
    for (sample, exact) in summary.samples.enumerated() {
      let index = Int(CounterFormula.bits(stream + 4096, sample) % UInt64(values.count))
      expectClose(
        Double(values[index]), exact, max(bar.factor * summary.largestError, share),
        "\(summary.name)[\(index)]")
    }
  }
}
