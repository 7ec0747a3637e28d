// The training loop: epochs of shuffled batches, each a forward and backward pass and an optimizer step.

import ConvNet
import Datasets
import OptimizerHost

extension Trainer {
  /// Trains from where ``state`` is to the last epoch, with a validation after each epoch.
  ///
  /// - Parameter isCancelled: asked before each step and each batch of a validation; `true` ends the
  ///   training there, with everything whole.
  /// - Parameter atPause: called after each step and each epoch, when ``state`` and all tensors are those of
  ///   one moment, so that a checkpoint can be taken; what it throws ends the training.
  /// - Returns: what was trained, also when cancelled.
  /// - Throws: ``TrainingError/diverged(epoch:step:finding:)``, and the errors of `ConvNet` and
  ///   `OptimizerHost`.
  public func train(
    isCancelled: () -> Bool = { false }, atPause: (Pause) throws -> Void = { _ in }
  ) throws -> TrainingSummary {
    let clock = ContinuousClock()
    let start = clock.now
    var pace = Pace()
    func summary(cancelled: Bool) -> TrainingSummary {
      TrainingSummary(
        epochs: state.position.epoch, steps: pace.steps, trainLoss: state.lastSums.map(\.meanLoss),
        trainAccuracy: state.lastSums.map(\.accuracy), imagesPerSecond: pace.imagesPerSecond,
        seconds: start.duration(to: clock.now).inSeconds, wasCancelled: cancelled)
    }
    while state.position.epoch < options.epochs {
      let epochStart = clock.now
      let learningRate = try applySchedule(epoch: state.position.epoch)
      while state.position.stepInEpoch < stepsInEpoch {
        if isCancelled() { return summary(cancelled: true) }
        let stepStart = clock.now
        let result = try step(
          on: trainBatches.batch(epoch: state.position.epoch, number: state.position.stepInEpoch))
        advance(by: result)
        pace.add(images: result.count, stepStart.duration(to: clock.now))
        events.receive(.step(report(result, learningRate: learningRate, pace)))
        try atPause(.step)
      }
      // A unit that clamps can swallow a NaN, and the loss stays finite: look at the weights as well.
      if let tensor = firstNonFinite { throw divergence("\(tensor) holds values that are not finite") }
      let validation: Evaluation?
      do {
        validation =
          try validationSource.batchCount == 0
          ? nil : evaluate(validationSource, isCancelled: isCancelled)
      } catch is CancellationError {
        return summary(cancelled: true)
      }
      let judged = BestEpoch(
        epoch: state.position.epoch + 1, step: state.position.step,
        accuracy: validation?.accuracy ?? state.sums.accuracy, loss: validation?.loss ?? state.sums.meanLoss)
      let isBest = judged.improves(on: state.best)
      if isBest { state.best = judged }
      let report = EpochReport(
        epoch: state.position.epoch + 1, epochs: options.epochs, totalSteps: state.position.step,
        trainLoss: state.sums.meanLoss, trainAccuracy: state.sums.accuracy, validation: validation,
        learningRate: learningRate, seconds: epochStart.duration(to: clock.now).inSeconds,
        imagesPerSecond: pace.imagesPerSecond ?? 0, isBest: isBest)
      state.position.epoch += 1
      state.position.stepInEpoch = 0
      state.sums = EpochSums()
      events.receive(.epoch(report))
      try atPause(.epoch)
    }
    return summary(cancelled: false)
  }

  /// Whether all steps of the epoch are made, and its validation is still to come.
  var isAtEpochsEnd: Bool { state.position.stepInEpoch == stepsInEpoch }

  /// Steps of one epoch.
  public var stepsInEpoch: Int { min(trainSource.batchCount, options.limitBatches ?? .max) }

  /// Forward, backward and optimizer step on `batch`. An optimizer that wants the loss evaluated again gets it of the
  /// same batch; the result is that of the first evaluation.
  private func step(on batch: Batch) throws -> BatchResult {
    guard let images = batch.images.baseAddress, let labels = batch.labels.baseAddress else {
      return BatchResult(lossSum: 0, correct: 0, count: 0)
    }
    func finite(_ result: BatchResult) throws -> BatchResult {
      guard result.lossSum.isFinite else {
        throw divergence("the loss is \(result.lossSum)", looksForTensor: true)
      }
      return result
    }
    let result = try finite(network.trainStep(images: images, labels: labels, count: batch.count))
    do {
      try optimizer.step(
        gradients: network.parameters.map { $0.gradient.baseAddress.map { UnsafeRawPointer($0) } },
        clippingNorm: options.gradientClip, loss: result.meanLoss
      ) { [network, batch] in
        try finite(network.reevaluate(images: images, labels: labels, count: batch.count)).meanLoss
      }
    } catch OptimizerError.norm(let norm) {
      throw divergence("the gradient's norm is \(norm)", looksForTensor: true)
    }
    return result
  }

  private func advance(by result: BatchResult) {
    state.position.stepInEpoch += 1
    state.position.step += 1
    state.sums.loss += result.lossSum
    state.sums.correct += result.correct
    state.sums.images += result.count
    state.lastSums = state.sums
  }

  private func report(_ result: BatchResult, learningRate: Double?, _ pace: Pace) -> StepReport {
    let position = state.position
    let stepsLeft = (options.epochs - position.epoch) * stepsInEpoch - position.stepInEpoch
    return StepReport(
      epoch: position.epoch + 1, epochs: options.epochs, step: position.stepInEpoch,
      stepsInEpoch: stepsInEpoch, totalSteps: position.step, batchLoss: result.meanLoss,
      loss: state.sums.meanLoss, accuracy: state.sums.accuracy, learningRate: learningRate,
      imagesPerSecond: pace.imagesPerSecond ?? 0, secondsLeft: pace.secondsPerStep * Double(stepsLeft))
  }

  /// Sets the learning rates of `epoch`, which counts from 0: those of wrappers and of bases alike.
  /// - Returns: the first one that is in force, of the first parameter group.
  private func applySchedule(epoch: Int) throws -> Double? {
    let factor = options.schedule.factor(epoch: epoch, of: options.epochs)
    for (path, group, base) in baseLearningRates {
      try optimizer.set(path, to: base * factor, group: group)
    }
    return baseLearningRates.first.map { $0.value * factor }
  }

  /// - Parameter looksForTensor: whether the first tensor that is not finite is to be named as well.
  private func divergence(_ what: String, looksForTensor: Bool = false) -> TrainingError {
    let tensor = looksForTensor ? firstNonFinite ?? firstNonFiniteGradient : nil
    let place = tensor.map { "\($0) holds values that are not finite" } ?? "all weights are still finite"
    return .diverged(
      epoch: state.position.epoch + 1, step: min(state.position.stepInEpoch + 1, stepsInEpoch),
      finding: looksForTensor ? "\(what); \(place)" : what)
  }

  /// The first parameter or running statistic with a value that is not finite.
  private var firstNonFinite: String? {
    network.parameters.first { !$0.values.allSatisfy(\.isFinite) }?.name
      ?? network.buffers.first { !$0.values.allSatisfy(\.isFinite) }?.name
  }

  private var firstNonFiniteGradient: String? {
    network.parameters.first { !$0.gradient.allSatisfy(\.isFinite) }.map { "the gradient of \($0.name)" }
  }
}

/// How fast a training goes, in steps of this process.
private struct Pace {
  private(set) var steps = 0
  private var images = 0
  private var busy = Duration.zero

  mutating func add(images count: Int, _ duration: Duration) {
    steps += 1
    images += count
    busy += duration
  }

  /// `nil` before the first step.
  var imagesPerSecond: Double? { steps > 0 ? Double(images) / max(busy.inSeconds, 1e-9) : nil }
  var secondsPerStep: Double { busy.inSeconds / Double(max(1, steps)) }
}

extension Duration {
  fileprivate var inSeconds: Double { self / .seconds(1) }
}
