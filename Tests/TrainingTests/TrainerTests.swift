// The training loop: it learns, repeats itself bit for bit, clips, follows its schedule, stops when told or
// when it diverges.

import ConvNet
import Datasets
import OptimizerHost
import Testing
import Training

@Suite struct TrainerTests {
  @Test func learnsTheBuiltinDigits() throws {
    let recorder = Recorder()
    let dataset = BuiltinDigits.make(trainCount: 2500, testCount: 500)
    let options = smallRun(.init(learningRate: 2e-3), epochs: 4)
    let trainer = try Trainer(options, dataset: dataset, events: recorder)
    let before = try trainer.test()
    let summary = try trainer.train()
    let after = try trainer.test()
    #expect(before.accuracy < 0.3 && after.accuracy > 0.8, "\(before.accuracy) to \(after.accuracy)")
    #expect(after.loss < before.loss / 2)
    #expect(after.count == 500)
    #expect(summary.epochs == 4 && !summary.wasCancelled)
    // 2250 images to train on, 32 a step.
    #expect(summary.steps == 4 * 71 && recorder.steps.count == 4 * 71)
    let losses = recorder.epochs.map(\.trainLoss)
    #expect(losses == losses.sorted(by: >))
    let last = try #require(recorder.epochs.last)
    #expect(summary.trainLoss == last.trainLoss && last.validation?.count == 250)
    #expect((last.validation?.accuracy ?? 0) > 0.75)
  }

  @Test func theSameSeedGivesTheSameBits() throws {
    func run(seed: UInt64) throws -> TrainedWeights {
      let trainer = try smallTrainer(.init(expression: "lookahead(adam)"), epochs: 2) { $0.seed = seed }
      _ = try trainer.train()
      return try trainer.weights()
    }
    let first = try run(seed: 7)
    #expect(try run(seed: 7) == first)
    #expect(try run(seed: 8).file.tensors != first.file.tensors)
  }

  @Test func reportsWhatIsInForce() throws {
    let recorder = Recorder()
    _ = try Trainer(smallRun(epochs: 8), dataset: smallDigits, events: recorder)
    let started = try #require(recorder.started)
    #expect(started.optimizer.contains("lr=0.0005") && started.learningRate == 5e-4)
    #expect(started.trainCount == 270 && started.validationCount == 30 && started.testCount == 100)
    #expect(started.schedule == "×0.5 from epoch 5, ×0.1 from epoch 7")
    #expect(started.architecture == "lenet" && started.parameterCount > 1000 && started.plugins.count == 1)
  }

  @Test(arguments: ["sgd", "lookahead(sgd)"]) func followsTheSchedule(expression: String) throws {
    let recorder = Recorder()
    let options = smallRun(.init(expression: expression, learningRate: 0.5), epochs: 4) {
      $0.limitBatches = 1
    }
    let trainer = try Trainer(options, dataset: smallDigits, events: recorder)
    _ = try trainer.train()
    #expect(recorder.epochs.map(\.learningRate) == [0.5, 0.5, 0.25, 0.05])
    #expect(try trainer.optimizer.value(of: "lr") == 0.05)
    #expect(recorder.steps.count == 4)
  }

  /// Plain SGD moves by lr · gradient: with a clip the move's length is lr · clip.
  @Test func clipsTheMeanGradient() throws {
    func move(clip: Double?, batchSize: Int) throws -> Double {
      let trainer = try smallTrainer(.init(expression: "sgd", learningRate: 1, weightDecay: 0)) {
        $0.gradientClipping = clip.map { .norm($0) }
        $0.batchSize = batchSize
        $0.limitBatches = 1
      }
      let before = parameters(of: trainer)
      _ = try trainer.train()
      return zip(before, parameters(of: trainer)).reduce(0.0) { sum, pair in
        let distance = Double(pair.1) - Double(pair.0)
        return sum + distance * distance
      }.squareRoot()
    }
    let free = try move(clip: nil, batchSize: 32)
    #expect(free > 0.01)
    #expect(try abs(move(clip: 1e-3, batchSize: 32) - 1e-3) < 2e-5)
    #expect(try abs(move(clip: 1e-3, batchSize: 128) - 1e-3) < 2e-5)
    #expect(try abs(move(clip: free * 10, batchSize: 32) - free) < 1e-12, "a wide limit changes nothing")
  }

  @Test func stopsWhenItDiverges() throws {
    let trainer = try smallTrainer(.init(expression: "sgd", learningRate: 1e30))
    #expect {
      try trainer.train()
    } throws: { error in
      guard case TrainingError.diverged(let epoch, let step, let finding) = error else { return false }
      return epoch == 1 && (2...9).contains(step) && finding.contains("finite")
    }
  }

  @Test func namesTheFirstBadTensor() throws {
    let trainer = try smallTrainer()
    let tensor = try #require(trainer.network.parameters.last)
    tensor.values[0] = .nan
    #expect {
      try trainer.train()
    } throws: { error in
      guard case TrainingError.diverged(1, _, let finding) = error else { return false }
      return finding.contains(tensor.name)
    }
  }

  /// Weights may stay as they are while the optimizer's state is lost; seen where a checkpoint is taken, and at an
  /// epoch's end.
  @Test(arguments: [true, false]) func namesTheBadState(atCheckpoint: Bool) throws {
    let folder = try TemporaryFolder()
    let recorder = try RunRecorder(
      RunDirectory(creating: folder.path("run")), interval: .init(count: atCheckpoint ? 1 : 99, unit: .steps))
    let trainer = try smallTrainer(.init(expression: "adam"), epochs: 2)
    let name = try #require(trainer.network.parameters.last).name + "/exp_avg_sq"
    #expect {
      try trainer.train(atPause: { pause in
        if trainer.state.position.step == 3 {
          var state = trainer.optimizer.state()
          let place = try #require(state.firstIndex { $0.name == name })
          // Infinity: the weight just stays as it is from here on.
          let old = state[place]
          state[place] = NamedTensor(
            name: name, dtype: old.dtype, shape: old.shape,
            bytes: [0, 0, 0x80, 0x7f] + old.bytes.dropFirst(4))
          try trainer.optimizer.restore(state)
        }
        try recorder.pause(pause, of: trainer)
      })
    } throws: { error in
      guard case TrainingError.diverged(1, let step, let finding) = error else { return false }
      return finding.contains("\(name) holds") && step == (atCheckpoint ? 3 : trainer.stepsInEpoch)
    }
    #expect(recorder.lastGood?.step == (atCheckpoint ? 2 : nil))
  }

  @Test func stopsBetweenStepsWhenCancelled() throws {
    let recorder = Recorder()
    let trainer = try Trainer(smallRun(epochs: 3), dataset: smallDigits, events: recorder)
    let summary = try trainer.train { recorder.steps.count == 11 }
    #expect(summary.wasCancelled && summary.steps == 11 && summary.epochs == 1)
    #expect(recorder.steps.count == 11)
    #expect(parameters(of: trainer).allSatisfy { $0.isFinite })
  }

  @Test func zeroEpochsTrainNothing() throws {
    let trainer = try smallTrainer(epochs: 0)
    let before = parameters(of: trainer)
    let summary = try trainer.train()
    #expect(summary.steps == 0 && summary.trainLoss == nil && !summary.wasCancelled)
    #expect(parameters(of: trainer) == before)
  }

  @Test func refusesImagesThatLeaveNothing() throws {
    let images = LabeledImages(
      shape: ImageShape(channels: 1, height: 10, width: 20), pixels: [UInt8](repeating: 0, count: 400),
      labels: [0, 1])
    let dataset = Dataset(name: "small", classNames: ["a", "b"], train: images, test: images)
    #expect(
      throws: ConvNetError.inputShape(
        architecture: "lenet", input: InputShape(channels: 1, height: 10, width: 20), layer: "pool2",
        minimum: 12)
    ) {
      try Trainer(smallRun(), dataset: dataset, events: Recorder())
    }
  }
}
