// The loss of smoothed and mixed targets against PyTorch, and what a network makes of them.

import Foundation
import Testing

@testable import ConvNet

/// What scripts/fixtures/make_loss_fixtures.py wrote, in float64.
private struct LossFixture: Decodable {
  struct Case: Decodable {
    let smoothing: Double
    let lossSum: Double
    let gradient: [Double]
  }

  let count, classes: Int
  let logits: [Float]
  let labels, secondLabels: [Int32]
  let shares: [Float]
  let plain, mixed: [Case]

  static func load() throws -> LossFixture {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/loss.json")
    return try JSONDecoder().decode(LossFixture.self, from: Data(contentsOf: file))
  }

  /// Images whose largest logit is that of the label that counts.
  func correct(_ label: (Int) -> Int32) -> Int {
    (0..<count).filter { row in
      let values = logits[row * classes..<(row + 1) * classes]
      return values.indices.max { values[$0] < values[$1] }.map { $0 - row * classes } == Int(label(row))
    }.count
  }

  /// The loss alone, recorded as a network records it.
  func run(_ smoothing: Double, mixed: Bool) throws -> (step: StepState, gradient: [Float]) {
    let step = StepState()
    let device = try OneDNNDevice(threads: 1)
    let program = Program(
      mode: .training, count: count, step: step, parameters: try ParameterStore(), device: device,
      arena: try Arena())
    let input = program.tensor([count, classes], try device.plainLayout([count, classes]))
    program.emit(
      "logits", [input],
      LoopKernel { for (index, value) in logits.enumerated() { input.floats[index] = value } })
    let gradient = try #require(try device.softmaxLoss(input, on: program))
    program.keep(gradient)
    try program.plan()
    try withTargets(labels, mixed ? (secondLabels, shares) : nil, smoothing: smoothing) { targets in
      step.targets = targets
      try program.run()
    }
    return (step, Array(UnsafeBufferPointer(start: gradient.floats, count: count * classes)))
  }
}

private func withTargets<R>(
  _ labels: [Int32], _ mixture: (labels: [Int32], shares: [Float])? = nil, smoothing: Double = 0,
  _ body: (Targets) throws -> R
) rethrows -> R {
  try labels.withUnsafeBufferPointer { labels in
    try (mixture?.labels ?? []).withUnsafeBufferPointer { second in
      try (mixture?.shares ?? []).withUnsafeBufferPointer { shares in
        try body(
          Targets(
            labels: labels.baseAddress!,
            mixture: mixture == nil
              ? nil : Targets.Mixture(labels: second.baseAddress!, shares: shares.baseAddress!),
            smoothing: smoothing))
      }
    }
  }
}

@Suite struct TargetsTests {
  @Test(arguments: [false, true]) func agreesWithPyTorch(mixed: Bool) throws {
    let fixture = try LossFixture.load()
    for expected in mixed ? fixture.mixed : fixture.plain {
      let (step, gradient) = try fixture.run(expected.smoothing, mixed: mixed)
      #expect(abs(step.lossSum - expected.lossSum) <= 1e-12 * expected.lossSum)
      #expect(
        gradient == expected.gradient.map { Float($0) }
          || zip(gradient, expected.gradient).allSatisfy {
            // A last bit may differ where the float64 values do.
            abs(Double($0) - $1) <= abs($1) * 0x1p-23 + 1e-16
          })
      let correct = fixture.correct { row in
        mixed && fixture.shares[row] < 0.5 ? fixture.secondLabels[row] : fixture.labels[row]
      }
      #expect(step.correct == correct)
    }
  }

  private let shape = InputShape(channels: 1, height: 28, width: 28)
  private var images: [Float] { (0..<3 * shape.count).map { Float(CounterFormula.uniform(0, $0)) } }

  private func network() throws -> Network {
    try Network(.lenet, input: shape, classes: 10, batchSize: 3, seed: 5, threads: 1)
  }

  @Test func mixingNothingIsPlainBitForBit() throws {
    let labels: [Int32] = [1, 0, 9]
    func gradients(_ mixture: (labels: [Int32], shares: [Float])?) throws -> [[Float]] {
      let network = try network()
      _ = try withTargets(labels, mixture) {
        try network.trainStep(images: images, targets: $0, count: 3)
      }
      return network.parameters.map { Array($0.gradient) }
    }
    let plain = try gradients(nil)
    #expect(try gradients(([5, 5, 5], [1, 1, 1])) == plain)
    #expect(try gradients(([1, 0, 9], [0, 0.25, 0.5])) == plain)
    #expect(try gradients(([5, 5, 5], [1, 1, 0.5])) != plain)
  }

  @Test func refusesWhatIsNoMixture() throws {
    let network = try network()
    func train(_ second: [Int32], _ shares: [Float]) throws {
      _ = try withTargets([1, 0, 9], (second, shares)) {
        try network.trainStep(images: images, targets: $0, count: 3)
      }
    }
    #expect(throws: ConvNetError.label(10, position: 2, classes: 10)) { try train([0, 0, 10], [1, 1, 1]) }
    #expect(throws: ConvNetError.share(1.5, position: 1)) { try train([0, 0, 0], [1, 1.5, 1]) }
    #expect(throws: ConvNetError.self) { try train([0, 0, 0], [.nan, 1, 1]) }
    #expect(network.stepCount == 0)
  }

  /// Gradient accumulation evaluates several steps again, with the dropout masks of each.
  @Test func evaluatesAnEarlierStepAgain() throws {
    let network = try Network(.baseline, input: shape, classes: 10, batchSize: 3, seed: 5, threads: 1)
    let labels: [Int32] = [1, 0, 9]
    let first = try network.trainStep(images: images, labels: labels, count: 3)
    let second = try network.trainStep(images: images, labels: labels, count: 2)
    func again(_ count: Int, stepsBack: Int) throws -> BatchResult {
      try withTargets(labels) {
        try network.reevaluate(images: images, targets: $0, count: count, stepsBack: stepsBack)
      }
    }
    #expect(try again(3, stepsBack: 2) == first)
    #expect(try again(2, stepsBack: 1) == second)
    #expect(throws: ConvNetError.nothingToReevaluate) { try again(3, stepsBack: 3) }
  }
}
