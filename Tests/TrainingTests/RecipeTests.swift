// Accumulation, parameter groups, when a run stops, and what reports say of Lookahead.

import Datasets
import OptimizerHost
import Testing

@testable import Training

@Suite struct RecipeTests {
  /// Weights after an epoch of batches of `batchSize`, `accumulate` of them for a step.
  private func weights(
    _ expression: String, batchSize: Int, accumulate: Int, clipping: GradientClipping? = nil
  ) throws -> (values: [Float], losses: [Double]) {
    let recorder = Recorder()
    let options = smallRun(.init(expression: expression, learningRate: 0.05)) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [16]
      $0.batchSize = batchSize
      $0.accumulate = accumulate
      $0.gradientClipping = clipping
      $0.labelSmoothing = 0.1
    }
    let trainer = try Trainer(options, dataset: smallDigits, events: recorder)
    _ = try trainer.train()
    return (parameters(of: trainer), recorder.steps.map(\.batchLoss))
  }

  /// 270 images: four groups of 64 and a last one of 14, an incomplete batch. The network has no batch normalization.
  @Test(
    arguments: zip(
      ["sgd", "sgd", "sam(rho=0.05, sgd)", "sam(rho=0.05, sgd)"],
      [nil, GradientClipping.norm(0.5), .value(0.01), .adaptive(0.01)]))
  func accumulationEqualsLargeBatches(expression: String, clipping: GradientClipping?) throws {
    let large = try weights(expression, batchSize: 64, accumulate: 1, clipping: clipping)
    let small = try weights(expression, batchSize: 16, accumulate: 4, clipping: clipping)
    #expect(large.losses.count == 5 && small.losses.count == 5)
    for (one, other) in zip(large.losses, small.losses) { #expect(abs(one - other) < 1e-4 * one) }
    let distance = zip(large.values, small.values).map { abs($0 - $1) }.max() ?? 1
    #expect(distance < 1e-4, "\(distance)")
  }

  @Test func groupsHaveRatesOfTheirOwn() throws {
    let rules = [
      try #require(GroupRule("conv1.*:lr=0.25,weight_decay=0.5")), try #require(GroupRule("*.bias:lr=0.125")),
    ]
    let recorder = Recorder()
    let options = smallRun(
      .init(expression: "lookahead(sgd)", learningRate: 0.5, undecayed: [.bias], groupRules: rules), epochs: 4
    ) {
      $0.limitBatches = 1
    }
    let trainer = try Trainer(options, dataset: smallDigits, events: recorder)
    let groups = try #require(recorder.started?.groups)
    #expect(groups.map(\.name) == ["conv1.*", "bias and conv1.* and *.bias", "bias and *.bias"])
    #expect(groups.map(\.tensors) == [1, 1, 3])
    #expect(groups[1].settings == ["weight_decay=0", "lr=0.25", "weight_decay=0.5", "lr=0.125"])
    func values(_ name: String) throws -> [Double] {
      try (0..<4).map { try trainer.optimizer.value(of: name, group: $0) }
    }
    #expect(try values("lr") == [0.5, 0.25, 0.125, 0.125])
    #expect(try values("weight_decay") == [1e-4, 0.5, 0.5, 0])
    _ = try trainer.train()
    #expect(try values("lr").map { $0 * 10 } == [0.5, 0.25, 0.125, 0.125], "a tenth from 75 % on")
  }

  @Test func rulesThatFitNothingAreErrors() throws {
    for text in ["conv1", "conv1.*:", "conv1.*:lr", "conv1.*:lr=", ":lr=1", "a:lr=1,"] {
      #expect(GroupRule(text) == nil, "\(text)")
    }
    #expect {
      try smallTrainer(.init(groupRules: [GroupRule("cnv1.*:lr=1")!]))
    } throws: {
      "\($0)".contains("Did you mean 'conv1.*'?")
    }
    #expect {
      try smallTrainer(.init(groupRules: [GroupRule("conv1.*:learning=1")!]))
    } throws: {
      "\($0)".contains("learning")
    }
  }

  /// A learning rate of 0 gains nothing after the first epoch.
  @Test(arguments: Monitor.allCases) func patienceEndsARun(monitor: Monitor) throws {
    let trainer = try smallTrainer(.init(expression: "sgd", learningRate: 0), epochs: 9) {
      $0.patience = 2
      $0.monitor = monitor
      $0.limitBatches = 1
    }
    let summary = try trainer.train()
    #expect(summary.ending == .noGain(epochs: 2) && summary.epochs == 3)
    #expect(trainer.state.best?.epoch == 1)
    #expect(try trainer.train().ending == .noGain(epochs: 2), "and stays ended")
  }

  @Test func needsImagesToJudge() {
    for change: (inout TrainingOptions) -> Void in [
      { $0.patience = 1 }, { $0.schedule = Schedule(.plateau(Plateau())) },
    ] {
      #expect {
        try smallTrainer {
          $0.validationFraction = 0
          change(&$0)
        }
      } throws: {
        if case TrainingError.needsValidation = $0 { true } else { false }
      }
    }
  }

  @Test func plateauLowersTheRate() throws {
    let recorder = Recorder()
    var rule = Plateau()
    rule.patience = 0
    rule.threshold = 0.99
    let options = smallRun(.init(expression: "sgd", learningRate: 0.01), epochs: 4) {
      $0.schedule = Schedule(.plateau(rule))
      $0.limitBatches = 1
    }
    _ = try Trainer(options, dataset: smallDigits, events: recorder).train()
    let expected = [0.01, 0.01, 0.001, 0.0001]
    #expect(zip(recorder.epochs, expected).allSatisfy { abs(($0.learningRate ?? 0) - $1) < 1e-12 })
  }

  @Test func timeEndsARunBetweenSteps() throws {
    let trainer = try smallTrainer(epochs: 50) { $0.timeLimit = 1e-6 }
    let summary = try trainer.train()
    #expect(summary.ending == .outOfTime && summary.steps == 1 && trainer.state.secondsSpent > 1e-6)
    // What an earlier call spent counts.
    #expect(try trainer.train().steps == 0)
  }

  @Test func learnsOneBatchByHeart() throws {
    let recorder = Recorder()
    let options = smallRun(.init(learningRate: 2e-3), epochs: 5) {
      $0.overfitsOneBatch = true
      $0.augmentation.shift = 3
    }
    let trainer = try Trainer(options, dataset: smallDigits, events: recorder)
    _ = try trainer.train()
    let last = try #require(recorder.epochs.last?.validation)
    #expect(last.count == 32 && last.accuracy == 1 && last.loss < 0.05)
    #expect(recorder.steps.count == 5 * 9)
  }

  @Test func reportsSyncsNormsAndFastWeights() throws {
    let recorder = Recorder()
    let options = smallRun(.init(expression: "lookahead(k=3, adam)", learningRate: 2e-3)) {
      $0.gradientClipping = .norm(1)
      $0.evaluatesFastWeights = true
      $0.limitBatches = 8
    }
    _ = try Trainer(options, dataset: smallDigits, events: recorder).train()
    #expect(recorder.steps.map(\.isSynchronized) == (1...8).map { $0 % 3 == 0 })
    #expect(recorder.steps.allSatisfy { ($0.gradientNorm ?? 0) > 0 })
    let epoch = try #require(recorder.epochs.first)
    #expect(epoch.fastValidation != nil && epoch.fastValidation?.loss != epoch.validation?.loss)
    let plain = Recorder()
    _ = try Trainer(smallRun { $0.limitBatches = 1 }, dataset: smallDigits, events: plain).train()
    #expect(plain.steps.first?.isSynchronized == nil && plain.steps.first?.gradientNorm == nil)
    #expect(plain.epochs.first?.fastValidation == nil)
  }
}
