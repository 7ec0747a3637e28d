// Networks as their users see them: shapes, partial batches, repeatability, refusals.

import ConvNet
import Foundation
import Testing

private let digits = InputShape(channels: 1, height: 28, width: 28)
private let photos = InputShape(channels: 3, height: 32, width: 32)

private func images(_ count: Int, _ shape: InputShape, stream: Int = 0) -> [Float] {
  (0..<count * shape.count).map { Float(CounterFormula.uniform(stream, $0)) }
}

private func gradients(_ network: Network) -> [[UInt32]] {
  network.parameters.map { $0.gradient.map(\.bitPattern) }
}

@Suite struct NetworkTests {
  @Test func parametersAreThoseOfPyTorch() throws {
    let lenet = try Network(.lenet, input: digits, classes: 10, batchSize: 2, seed: 1, threads: 1)
    #expect(lenet.parameterCount == 1_350_986)
    #expect(
      lenet.parameters.map(\.name)
        == ["conv1", "conv2", "fc1", "fc2"].flatMap { ["\($0).weight", "\($0).bias"] })
    #expect(lenet.parameters[0].shape == [48, 1, 5, 5])
    #expect(lenet.buffers.isEmpty)

    let baseline = try Network(.baseline, input: digits, classes: 10, batchSize: 2, seed: 1, threads: 1)
    #expect(baseline.parameterCount == 584_618)

    let resnet = try Network(quick: .resnet18, input: photos, batchSize: 2)
    #expect(resnet.parameterCount == 11_173_962)
    #expect(resnet.parameters.count == 62)
    #expect(resnet.buffers.count == 40)
    #expect(resnet.parameters.map(\.name).contains("layer2.0.downsample.1.bias"))
    #expect(resnet.parameters.count { $0.kind == .norm } == 40)
    #expect(resnet.parameters.count { $0.kind == .bias } == 1)
    for parameter in resnet.parameters {
      #expect(parameter.values.count == parameter.shape.reduce(1, *))
      #expect(parameter.gradient.count == parameter.values.count)
      for buffer in [parameter.values, parameter.gradient] {
        #expect(Int(bitPattern: buffer.baseAddress) % 64 == 0)
      }
    }
  }

  @Test(arguments: ["lenet", "LeNet", "le-net"]) func architecturesHaveForgivingNames(name: String) {
    #expect(Architecture(name: name) == .lenet)
    #expect(Architecture(name: "resnet_18") == .resnet18)
    #expect(Architecture(name: "VGG_16") == .vgg16)
    #expect(Architecture(name: "vgg") == nil)
  }

  private struct Trace: Equatable {
    let results: [BatchResult]
    let bits: [[UInt32]]

    init(_ network: Network) throws {
      let images = images(3, photos)
      results = try (0..<2).map { _ in
        try network.trainStep(images: images, labels: [1, 0, 9], count: 3)
      }
      bits = gradients(network) + network.buffers.map { $0.values.map(\.bitPattern) }
    }
  }

  @Test(arguments: [Architecture.lenet, .baseline, .efficientNetB0])
  func sameSeedGivesSameBits(_ architecture: Architecture) throws {
    func trace(seed: UInt64) throws -> Trace {
      try Trace(
        Network(architecture, input: photos, classes: 10, batchSize: 3, seed: seed, threads: 2))
    }
    let first = try trace(seed: 5)
    #expect(try trace(seed: 5) == first)
    #expect(try trace(seed: 6).bits != first.bits)
  }

  @Test(arguments: Architecture.allCases) func sameWeightsGiveSameBits(_ architecture: Architecture) throws {
    func trace() throws -> Trace {
      try Trace(Network(quick: architecture, input: photos, batchSize: 3, threads: 2))
    }
    let first = try trace()
    #expect(try trace() == first)
  }

  @Test(arguments: Architecture.allCases)
  func partialBatchEqualsANetworkOfThatSize(_ architecture: Architecture) throws {
    let large = try Network(quick: architecture, input: digits, batchSize: 8)
    let small = try Network(quick: architecture, input: digits, batchSize: 5)
    let images = images(8, digits)
    let labels: [Int32] = [3, 1, 4, 1, 5, 9, 2, 6]
    // A full step before it, so that leftovers would show; without one on the parameters.
    for network in [large, small] {
      for buffer in network.buffers {
        buffer.values.update(repeating: buffer.name.hasSuffix("var") ? 1 : 0)
      }
    }
    _ = try large.trainStep(images: images, labels: labels, count: 8)
    for buffer in large.buffers { buffer.values.update(repeating: buffer.name.hasSuffix("var") ? 1 : 0) }
    large.stepCount = 0
    let found = try large.trainStep(images: images, labels: labels, count: 5)
    let expected = try small.trainStep(images: images, labels: labels, count: 5)
    #expect(found == expected)
    #expect(gradients(large) == gradients(small))
    #expect(Array(large.logits) == Array(small.logits))
    #expect(large.logits.count == 50)
    #expect(large.buffers.map { Array($0.values) } == small.buffers.map { Array($0.values) })
    // And the full plan still works after the partial one.
    #expect(try large.trainStep(images: images, labels: labels, count: 8).count == 8)
  }

  @Test func stepCountDrivesDropout() throws {
    let network = try Network(.baseline, input: digits, classes: 10, batchSize: 2, seed: 3, threads: 1)
    let images = images(2, digits)
    func step() throws -> BatchResult { try network.trainStep(images: images, labels: [1, 2], count: 2) }
    let first = try step()
    let second = try step()
    #expect(network.stepCount == 2)
    #expect(first.lossSum != second.lossSum)
    network.stepCount = 0
    #expect(try step() == first)
  }

  @Test func threadCountsAgreeToRounding() throws {
    let images = images(8, digits)
    let runs = try [1, 2].map { threads in
      let network = try Network(.lenet, input: digits, classes: 10, batchSize: 8, seed: 3, threads: threads)
      _ = try network.trainStep(images: images, labels: [0, 1, 2, 3, 4, 5, 6, 7], count: 8)
      return network.parameters.map { Array($0.gradient) }
    }
    for (one, two) in zip(runs[0], runs[1]) {
      let norm = one.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let apart = zip(one, two).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
      #expect(apart <= 1e-5 * norm)
    }
  }

  @Test func evaluationChangesNothingAndPredicts() throws {
    let network = try Network(.baseline, input: digits, classes: 10, batchSize: 4, seed: 3, threads: 1)
    let images = images(4, digits)
    let labels: [Int32] = [7, 0, 2, 9]
    _ = try network.trainStep(images: images, labels: labels, count: 4)
    let before = (gradients(network), network.buffers.map { Array($0.values) }, network.stepCount)
    var predictions = [Int32](repeating: -1, count: 4)
    let result = try network.evaluate(images: images, labels: labels, count: 4, predictions: &predictions)
    #expect(gradients(network) == before.0)
    #expect(network.buffers.map { Array($0.values) } == before.1)
    #expect(network.stepCount == before.2)
    for row in 0..<4 {
      let logits = Array(network.logits[row * 10..<(row + 1) * 10])
      #expect(logits[Int(predictions[row])] == logits.max())
    }
    #expect(result.correct == zip(predictions, labels).count { $0 == $1 })
    let logits = Reference([4, 10], network.logits.map { Double($0) })
    #expect(abs(result.lossSum - crossEntropy(logits, labels)) < 1e-9)
    // Images are judged one by one: no batch statistics.
    let alone = Array(network.logits[..<10])
    _ = try network.evaluate(images: images, labels: labels, count: 1)
    for (one, all) in zip(network.logits, alone) { #expect(abs(one - all) < 1e-5) }
  }

  @Test func gradientDescentLowersTheLoss() throws {
    let network = try Network(.lenet, input: digits, classes: 10, batchSize: 16, seed: 3, threads: 1)
    let images = images(16, digits)
    let labels = (0..<16).map { Int32($0 % 10) }
    let first = try network.trainStep(images: images, labels: labels, count: 16)
    for _ in 0..<40 {
      for parameter in network.parameters {
        for index in parameter.values.indices {
          parameter.values[index] -= 0.01 * parameter.gradient[index]
        }
      }
      _ = try network.trainStep(images: images, labels: labels, count: 16)
    }
    let last = try network.evaluate(images: images, labels: labels, count: 16)
    #expect(last.meanLoss < 0.2 * first.meanLoss)
    #expect(last.correct == 16)
  }

  @Test(arguments: Architecture.allCases)
  func nonFiniteInputEndsInANonFiniteLoss(_ architecture: Architecture) throws {
    let network = try Network(quick: architecture, input: digits, batchSize: 2)
    let statistics = network.buffers.map { Array($0.values) }
    for value in [Float.nan, .infinity] {
      for (buffer, values) in zip(network.buffers, statistics) { _ = buffer.values.update(from: values) }
      var images = images(2, digits)
      let sound = try network.trainStep(images: images, labels: [0, 1], count: 2)
      #expect(sound.lossSum.isFinite)
      for index in 0..<digits.count { images[index] = value }
      let result = try network.trainStep(images: images, labels: [0, 1], count: 2)
      #expect(!result.lossSum.isFinite)
      let judged = try network.evaluate(images: images, labels: [0, 1], count: 2)
      #expect(!judged.lossSum.isFinite)
      #expect(network.parameters.contains { $0.gradient.contains { !$0.isFinite } })
    }
  }

  @Test func badLabelsAreFoundBeforeAnythingIsComputed() throws {
    let network = try Network(.baseline, input: digits, classes: 10, batchSize: 2, seed: 3, threads: 1)
    let images = images(2, digits)
    _ = try network.trainStep(images: images, labels: [0, 1], count: 2)
    let before = (gradients(network), network.buffers.map { Array($0.values) })
    for label: Int32 in [10, -1, .max, .min] {
      let error = ConvNetError.label(Int(label), position: 1, classes: 10)
      #expect(throws: error) { try network.trainStep(images: images, labels: [0, label], count: 2) }
      #expect(throws: error) { try network.evaluate(images: images, labels: [0, label], count: 2) }
    }
    #expect(gradients(network) == before.0)
    #expect(network.buffers.map { Array($0.values) } == before.1)
    #expect(network.stepCount == 1)
  }

  @Test(arguments: [0, -1, 3]) func badCountsAreRefused(count: Int) throws {
    let network = try Network(.lenet, input: digits, classes: 10, batchSize: 2, seed: 3, threads: 1)
    #expect(throws: ConvNetError.count(count, batchSize: 2)) {
      try network.trainStep(images: images(3, digits), labels: [0, 1, 2], count: count)
    }
  }

  @Test func badConfigurationsAreRefusedByName() {
    func refusal(
      classes: Int = 10, batchSize: Int = 1, threads: Int = 1, input: InputShape = digits,
      _ architecture: Architecture = .lenet
    ) -> String {
      do {
        _ = try Network(
          architecture, input: input, classes: classes, batchSize: batchSize, seed: 0, threads: threads)
        return "accepted"
      } catch {
        return "\(error)"
      }
    }
    #expect(refusal(classes: 1) == "classes is 1; use a value in 2...1000000")
    #expect(refusal(batchSize: 0) == "batchSize is 0; use a value in 1...65536")
    #expect(refusal(threads: 0) == "threads is 0; use a value in 1...1024")
    #expect(
      refusal(input: InputShape(channels: 1, height: 11, width: 28))
        == "lenet cannot take 1x11x28 images: nothing is left for pool2; "
        + "use images of at least 12x12, padded if need be")
    #expect(
      refusal(input: InputShape(channels: 3, height: 7, width: 7), .baseline)
        == "baseline cannot take 3x7x7 images: nothing is left for block3.pool; "
        + "use images of at least 8x8, padded if need be")
    #expect(
      refusal(input: InputShape(channels: 3, height: 14, width: 40), .alexnet)
        == "alexnet cannot take 3x14x40 images: nothing is left for features.12; "
        + "use images of at least 15x15, padded if need be")
    #expect(refusal(input: InputShape(channels: 1, height: 0, width: 7)).hasPrefix("height is 0;"))
    #expect(
      refusal(input: InputShape(channels: 1, height: 8, width: 8), .resnet18)
        == "layer4.0.bn1 cannot train on one value per channel (one image of 1x1 at that depth); "
        + "use larger images or more than one image per batch")
  }

  @Test(
    arguments: [
      InputShape(channels: 1, height: 15, width: 15), InputShape(channels: 2, height: 20, width: 33),
      InputShape(channels: 4, height: 40, width: 36),
    ], Architecture.allCases)
  func otherShapesWork(input: InputShape, architecture: Architecture) throws {
    let network = try Network(quick: architecture, input: input, classes: 3, batchSize: 2)
    let result = try network.trainStep(images: images(2, input), labels: [2, 0], count: 2)
    #expect(result.lossSum.isFinite && result.lossSum > 0)
  }
}
