// The training loop: epochs of shuffled batches, each a forward and backward pass and an optimizer step.

import ConvNet
import Datasets
import OptimizerHost

extension Trainer {
  /// Trains all epochs, with a validation after each.
  ///
  /// - Parameter isCancelled: asked before each step and each batch of a validation; `true` ends the
  ///   training there, with everything whole.
  /// - Returns: what was trained, also when cancelled.
  /// - Throws: ``TrainingError/diverged(epoch:step:finding:)``, and the errors of `ConvNet` and
  ///   `OptimizerHost`.
  public func train(isCancelled: () -> Bool = { false }) throws -> TrainingSummary {
    let gradients: [UnsafeBufferPointer<Float>] = network.parameters.map { UnsafeBufferPointer($0.gradient) }
    let clock = ContinuousClock()
    let start = clock.now
    var progress = Progress(stepsInEpoch: stepsInEpoch, epochs: options.epochs)
    while epochsTrained < options.epochs, !isCancelled() {
      let epochStart = clock.now
      let learningRate = try applySchedule(epoch: epochsTrained)
      let order = trainSource.epochOrder(seed: options.seed, epoch: epochsTrained)
      progress.beginEpoch()
      for number in 0..<stepsInEpoch {
        if isCancelled() {
          return progress.summary(epochs: epochsTrained, start.duration(to: clock.now), true)
        }
        let stepStart = clock.now
        trainSource.fill(batch, number: number, order: order)
        let result = try step(gradients, epoch: epochsTrained + 1, step: number + 1)
        progress.add(result, stepStart.duration(to: clock.now))
        events.receive(.step(progress.report(epoch: epochsTrained + 1)))
      }
      // A unit that clamps can swallow a NaN, and the loss stays finite: look at the weights as well.
      if let tensor = firstNonFinite {
        throw TrainingError.diverged(
          epoch: epochsTrained + 1, step: stepsInEpoch, finding: "\(tensor) holds values that are not finite")
      }
      epochsTrained += 1
      let validation: Evaluation?
      do {
        validation =
          try validationSource.batchCount == 0
          ? nil : evaluate(validationSource, isCancelled: isCancelled)
      } catch is CancellationError {
        break
      }
      let report = progress.report(epoch: epochsTrained)
      events.receive(
        .epoch(
          EpochReport(
            epoch: epochsTrained, epochs: options.epochs, trainLoss: report.loss,
            trainAccuracy: report.accuracy,
            validation: validation, learningRate: learningRate,
            seconds: epochStart.duration(to: clock.now).inSeconds, imagesPerSecond: report.imagesPerSecond)))
    }
    return progress.summary(
      epochs: epochsTrained, start.duration(to: clock.now), epochsTrained < options.epochs)
  }

  /// Steps of one epoch.
  private var stepsInEpoch: Int { min(trainSource.batchCount, options.limitBatches ?? .max) }

  /// Forward, backward and optimizer step on the batch. An optimizer that wants the loss evaluated again gets it of the
  /// same batch; the result is that of the first evaluation.
  private func step(_ gradients: [UnsafeBufferPointer<Float>], epoch: Int, step: Int) throws -> BatchResult {
    guard let images = batch.images.baseAddress, let labels = batch.labels.baseAddress else {
      return BatchResult(lossSum: 0, correct: 0, count: 0)
    }
    func finite(_ result: BatchResult) throws -> BatchResult {
      guard result.lossSum.isFinite else { throw divergence("the loss is \(result.lossSum)", epoch, step) }
      return result
    }
    let result = try finite(network.trainStep(images: images, labels: labels, count: batch.count))
    do {
      try optimizer.step(
        gradients: gradients.map { $0.baseAddress.map(UnsafeRawPointer.init) },
        clippingNorm: options.gradientClip, loss: result.meanLoss
      ) { [network, batch] in
        try finite(network.reevaluate(images: images, labels: labels, count: batch.count)).meanLoss
      }
    } catch OptimizerError.norm(let norm) {
      throw divergence("the gradient's norm is \(norm)", epoch, step)
    }
    return result
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

  private func divergence(_ what: String, _ epoch: Int, _ step: Int) -> TrainingError {
    let tensor = firstNonFinite ?? firstNonFiniteGradient
    let place = tensor.map { "\($0) holds values that are not finite" } ?? "all weights are still finite"
    return .diverged(epoch: epoch, step: step, finding: "\(what); \(place)")
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

/// Running sums of a training: loss, right answers, time.
private struct Progress {
  let stepsInEpoch, epochs: Int
  private var loss = 0.0
  private var correct = 0
  private var images = 0
  private var stepInEpoch = 0
  private var steps = 0
  private var allImages = 0
  private var busy = Duration.zero

  init(stepsInEpoch: Int, epochs: Int) {
    self.stepsInEpoch = stepsInEpoch
    self.epochs = epochs
  }

  mutating func beginEpoch() {
    (loss, correct, images, stepInEpoch) = (0, 0, 0, 0)
  }

  mutating func add(_ result: BatchResult, _ duration: Duration) {
    loss += result.lossSum
    correct += result.correct
    images += result.count
    allImages += result.count
    stepInEpoch += 1
    steps += 1
    busy += duration
  }

  private var imagesPerSecond: Double { Double(allImages) / max(busy.inSeconds, 1e-9) }

  func report(epoch: Int) -> StepReport {
    let stepsLeft = (epochs - epoch) * stepsInEpoch + stepsInEpoch - stepInEpoch
    return StepReport(
      epoch: epoch, epochs: epochs, step: stepInEpoch, stepsInEpoch: stepsInEpoch,
      loss: loss / Double(max(1, images)), accuracy: Double(correct) / Double(max(1, images)),
      imagesPerSecond: imagesPerSecond,
      secondsLeft: busy.inSeconds / Double(max(1, steps)) * Double(stepsLeft))
  }

  func summary(epochs: Int, _ duration: Duration, _ wasCancelled: Bool) -> TrainingSummary {
    TrainingSummary(
      epochs: epochs, steps: steps, trainLoss: images > 0 ? loss / Double(images) : nil,
      trainAccuracy: images > 0 ? Double(correct) / Double(images) : nil,
      imagesPerSecond: steps > 0 ? imagesPerSecond : nil, seconds: duration.inSeconds,
      wasCancelled: wasCancelled)
  }
}

extension Duration {
  fileprivate var inSeconds: Double { self / .seconds(1) }
}
