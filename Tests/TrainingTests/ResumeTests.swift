// A run that stops and goes on from a file ends in the same bits as one that did not.

import Datasets
import Foundation
import OptimizerHost
import Testing
import Training

@Suite struct ResumeTests {
  private static let digits = BuiltinDigits.make(trainCount: 100, testCount: 10)

  /// Nine steps in three epochs, the last of each shorter; with batch norm and dropout.
  private static func options(
    _ optimizer: String, change: (inout TrainingOptions) -> Void = { _ in }
  ) -> TrainingOptions {
    smallRun(OptimizerRequest(expression: optimizer), epochs: 3) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [8]
      $0.network.batchNorm = true
      $0.network.dropout = 0.25
      $0.augmentation.shift = 2
      $0.augmentation.cutmix = 1
      $0.gradientClipping = .norm(1)
      $0.labelSmoothing = 0.1
      $0.schedule = Schedule(.cosine(minimum: 1e-5), warmup: Warmup(.steps(2)))
      change(&$0)
    }
  }

  private static func trainer(_ options: TrainingOptions, _ recorder: Recorder = Recorder()) throws -> Trainer
  {
    try Trainer(options, dataset: digits, events: recorder)
  }

  private struct Steps: Equatable {
    let losses, accuracies: [Double]
    let validation: [Evaluation?]

    init(_ recorder: Recorder) {
      losses = recorder.steps.map(\.batchLoss)
      accuracies = recorder.steps.map(\.accuracy)
      validation = recorder.epochs.map(\.validation)
    }
  }

  /// Trains without a stop, and with one at each of `stops` (steps made by then), and compares all.
  private func expectSameBits(_ options: TrainingOptions, stops: [Int]) throws {
    let folder = try TemporaryFolder()
    let whole = Recorder()
    let uninterrupted = try Self.trainer(options, whole)
    _ = try uninterrupted.train()
    let final = try uninterrupted.checkpoint()
    let count = 3 * uninterrupted.stepsInEpoch
    #expect(whole.steps.count == count && final.facts.state.position.step == count)
    for stop in stops {
      let recorder = Recorder()
      let first = try Self.trainer(options, recorder)
      _ = try first.train { recorder.steps.count == stop }
      let path = folder.path("\(stop).safetensors")
      try first.checkpoint().write(to: path)
      let second = try Self.trainer(options, recorder)
      #expect(try second.restore(Checkpoint(reading: path), from: path) == [])
      _ = try second.train()
      let name = "\(options.optimizer.expression), stopped after \(stop) steps"
      #expect(try second.checkpoint().isOfSameMoment(as: final), "\(name)")
      #expect(try second.weights() == uninterrupted.weights(), "\(name)")
      #expect(Steps(recorder) == Steps(whole), "\(name)")
    }
  }

  /// Every optimizer of the repository, and trees of them.
  @Test(arguments: [
    "sgd(momentum=0.9, nesterov=true)", "adam(amsgrad=true)", "adamw", "lion", "rmsprop(momentum=0.9)",
    "adagrad",
    "nadam", "radam", "lars(momentum=0.9)", "lamb", "adam8bit", "adafactor", "muon(adam)",
    "lookahead(k=2, adam)",
    "lookahead(k=2, momentum=pullback, sgd(momentum=0.9))", "ema(adam)", "sam(sgd(momentum=0.9))",
    "schedulefree(sgd)", "gradient-centralization(adam)",
    "ema(lookahead(k=2, sam(sgd(momentum=0.9))))",
  ])
  func everyOptimizerGoesOn(expression: String) throws {
    // Within an epoch, and between two steps at which Lookahead brings its weights together.
    try expectSameBits(Self.options(expression), stops: [4])
  }

  @Test func atEveryStep() throws {
    try expectSameBits(Self.options("lookahead(k=2, adam)"), stops: Array(0...9))
  }

  /// What the loop itself remembers: the place in a schedule, a plateau, a batch that is part of a step.
  @Test(arguments: ["accumulation", "plateau", "one-cycle", "fast weights", "groups", "one batch"])
  func whateverTheRecipe(name: String) throws {
    let options = Self.options("lookahead(k=2, adam)") {
      switch name {
      case "accumulation": $0.accumulate = 2
      case "plateau":
        var rule = Plateau()
        rule.patience = 0
        rule.threshold = 0.9
        $0.schedule = Schedule(.plateau(rule))
      case "one-cycle": $0.schedule = Schedule(.oneCycle(OneCycle()))
      case "fast weights": $0.evaluatesFastWeights = true
      case "groups": $0.optimizer.undecayed = [.bias, .norm]
      default: $0.overfitsOneBatch = true
      }
    }
    try expectSameBits(options, stops: [1, 2, 3, 4, 5])
  }

  /// While validation images are judged, all steps of the epoch are made and the epoch is not over.
  @Test func duringAValidation() throws {
    let options = Self.options("adam")
    let final = try Self.trainer(options)
    _ = try final.train()
    let recorder = Recorder()
    let first = try Self.trainer(options, recorder)
    // Asked before each step, and then before the first batch of the validation.
    var asked = 0
    _ = try first.train {
      asked += 1
      return asked == 4
    }
    #expect(first.state.position.stepInEpoch == 3 && first.state.position.epoch == 0)
    let second = try Self.trainer(options)
    _ = try second.restore(first.checkpoint(), from: "memory")
    _ = try second.train()
    #expect(try second.checkpoint().isOfSameMoment(as: final.checkpoint()))
  }

  @Test func aCompleteRunHasNothingToDo() throws {
    let options = Self.options("adam")
    let first = try Self.trainer(options)
    let summary = try first.train()
    let recorder = Recorder()
    let second = try Self.trainer(options, recorder)
    _ = try second.restore(first.checkpoint(), from: "memory")
    let nothing = try second.train()
    #expect(recorder.steps.isEmpty && nothing.steps == 0 && nothing.trainLoss == summary.trainLoss)
  }

  /// The run goes on in more epochs; its past is the same.
  @Test func epochsMayBeAdded() throws {
    let first = try Self.trainer(Self.options("adam"))
    _ = try first.train()
    let recorder = Recorder()
    let second = try Self.trainer(Self.options("adam") { $0.epochs = 4 }, recorder)
    _ = try second.restore(first.checkpoint(), from: "memory")
    _ = try second.train()
    #expect(recorder.steps.map(\.totalSteps) == [10, 11, 12])
    #expect(throws: TrainingError.self) {
      try Self.trainer(Self.options("adam") { $0.epochs = 2 }).restore(second.checkpoint(), from: "memory")
    }
  }

  private static let changes: [(finding: String, change: @Sendable (inout TrainingOptions) -> Void)] = [
    ("optimizer.learningRate was none and is 0.5", { $0.optimizer.learningRate = 0.5 }),
    ("batchSize was 32 and is 16", { $0.batchSize = 16 }), ("seed was 42 and is 1", { $0.seed = 1 }),
    ("augmentation.shift was 2 and is 3", { $0.augmentation.shift = 3 }),
    (
      "network was mlp and is lenet",
      {
        $0.architecture = .lenet
        $0.network = .init()
      }
    ),
    ("tensor fc1.weight is float32 [8, 784], not float32 [9, 784]", { $0.network.hiddenSizes = [9] }),
    ("gradientClipping was norm and is none", { $0.gradientClipping = nil }),
    ("the optimizers were adam and are sgd", { $0.optimizer.expression = "sgd" }),
    ("slot max_exp_avg_sq of adam was not there and is", { $0.optimizer.expression = "adam(amsgrad=true)" }),
  ]

  /// What another run has otherwise is named, and nothing is changed.
  @Test(arguments: changes.indices) func anotherRunIsRefused(number: Int) throws {
    let (text, change) = Self.changes[number]
    let first = try Self.trainer(Self.options("adam"))
    _ = try first.train { first.state.position.step == 2 }
    let checkpoint = try first.checkpoint()
    let other = try Self.trainer(Self.options("adam", change: change))
    let before = parameters(of: other)
    #expect {
      try other.restore(checkpoint, from: "x.safetensors")
    } throws: { error in
      guard case TrainingError.otherRun("x.safetensors", let differences) = error else { return false }
      return differences.contains { $0.contains(text) }
    }
    #expect(parameters(of: other) == before && other.state.position.step == 0)
  }

  /// Also of weights with a standardisation of their own, which a trainer takes from the checkpoint.
  @Test func theStandardisationComesFromTheCheckpoint() throws {
    var weights = try Self.trainer(Self.options("adam")).weights()
    weights.file.metadata["mean"] = "0.25"
    let first = try Trainer(
      Self.options("adam"), dataset: Self.digits, weights: (weights, "w"), events: Recorder())
    let checkpoint = try first.checkpoint()
    #expect(checkpoint.holdsStandardization && first.standardization.mean == [0.25])
    let second = try Trainer(
      Self.options("adam"), dataset: Self.digits, resumed: (checkpoint, "x"), events: Recorder())
    #expect(second.standardization == first.standardization)
    #expect(try second.restore(checkpoint, from: "x") == [])
    #expect {
      try Self.trainer(Self.options("adam")).restore(checkpoint, from: "x")
    } throws: { "\($0)".contains("the standardisation was mean [0.25]") }
  }

  @Test func otherDataAreRefused() throws {
    let first = try Self.trainer(Self.options("adam"))
    let data = BuiltinDigits.make(trainCount: 101, testCount: 10)
    let other = try Trainer(Self.options("adam"), dataset: data, events: Recorder())
    #expect {
      try other.restore(first.checkpoint(), from: "x")
    } throws: { "\($0)".contains("training images were 100 with crc32") }
  }
}
