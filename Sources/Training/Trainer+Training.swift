// The training loop: epochs of steps on shuffled batches, a validation after each, and when to stop.

import ConvNet
import Datasets
import OptimizerHost
import Safetensors

extension Trainer {
  /// Trains from where ``state`` is to the last epoch, with a validation after each epoch, or until the options say
  /// that it is enough: no better epoch for long, or the time is up.
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
    var pace = Pace()
    let spentBefore = state.secondsSpent
    let start = pace.clock.now
    /// Seconds of this call.
    func elapsed() -> Double { start.duration(to: pace.clock.now).inSeconds }
    func summary(_ ending: TrainingSummary.Ending) -> TrainingSummary {
      TrainingSummary(
        epochs: state.position.epoch, steps: pace.steps, trainLoss: state.lastSums.map(\.meanLoss),
        trainAccuracy: state.lastSums.map(\.accuracy), imagesPerSecond: pace.imagesPerSecond,
        seconds: elapsed(), ending: ending)
    }
    if state.position.step == 0 {
      unboundedState = Set(optimizer.state().filter { !$0.isFinite }.map(\.name))
    }
    while state.position.epoch < options.epochs {
      // Also asked here because a resumed run may have had its last allowed epoch already.
      if let patience = options.patience, state.epochsWithoutGain >= patience {
        return summary(.noGain(epochs: state.epochsWithoutGain))
      }
      let epochStart = pace.clock.now
      while state.position.stepInEpoch < stepsInEpoch {
        if isCancelled() { return summary(.cancelled) }
        if let limit = options.timeLimit, state.secondsSpent >= limit { return summary(.outOfTime) }
        let stepStart = pace.clock.now
        try applySchedule()
        let (result, norm) = try step(nextBatch)
        advance(by: result)
        pace.add(images: result.count, stepStart.duration(to: pace.clock.now))
        state.secondsSpent = spentBefore + elapsed()
        events.receive(.step(report(result, gradientNorm: norm, pace)))
        try atPause(.step)
      }
      // A unit that clamps can swallow a NaN, and an optimizer can take no step for it: the loss stays finite, so look
      // at the weights and the state as well.
      if let tensor = firstNonFinite ?? firstNonFiniteState {
        throw divergence("\(tensor) holds values that are not finite")
      }
      let validation, fastValidation: Evaluation?
      do {
        validation = try validate(isCancelled: isCancelled)
        fastValidation =
          validation == nil || !options.evaluatesFastWeights || !optimizer.hasEvaluationWeights
          ? nil : try evaluate(validationSource, onFastWeights: true, isCancelled: isCancelled)
      } catch is CancellationError {
        return summary(.cancelled)
      }
      let isBest = judge(validation)
      state.secondsSpent = spentBefore + elapsed()
      let report = EpochReport(
        epoch: state.position.epoch + 1, epochs: options.epochs, totalSteps: state.position.step,
        trainLoss: state.sums.meanLoss, trainAccuracy: state.sums.accuracy, validation: validation,
        fastValidation: fastValidation, learningRate: learningRate,
        seconds: epochStart.duration(to: pace.clock.now).inSeconds,
        imagesPerSecond: pace.imagesPerSecond ?? 0, isBest: isBest)
      state.position.epoch += 1
      state.position.stepInEpoch = 0
      state.sums = EpochSums()
      events.receive(.epoch(report))
      try atPause(.epoch)
    }
    return summary(.complete)
  }

  /// Whether all steps of the epoch are made, and its validation is still to come.
  var isAtEpochsEnd: Bool { state.position.stepInEpoch == stepsInEpoch }

  /// Optimizer steps of one epoch.
  public var stepsInEpoch: Int { options.stepsInEpoch(batches: trainSource.batchCount) }

  /// Micro-batch number `micro` of the step that comes next, valid until the next call; nil: the epoch has no more.
  private func nextBatch(_ micro: Int) -> Batch? {
    if options.overfitsOneBatch {
      return micro < trainSource.batchCount ? trainBatches.batch(epoch: 0, number: micro) : nil
    }
    let number = state.position.stepInEpoch * options.accumulate + micro
    guard number < trainSource.batchCount else { return nil }
    return trainBatches.batch(epoch: state.position.epoch, number: number)
  }

  private func advance(by result: BatchResult) {
    state.position.stepInEpoch += 1
    state.position.step += 1
    state.sums.loss += result.lossSum
    state.sums.correct += result.correct
    state.sums.images += result.count
    state.lastSums = state.sums
  }

  /// Takes note of what an epoch has reached.
  /// - Returns: whether it is the best so far.
  private func judge(_ validation: Evaluation?) -> Bool {
    let judged = BestEpoch(
      epoch: state.position.epoch + 1, step: state.position.step,
      accuracy: validation?.accuracy ?? state.sums.accuracy, loss: validation?.loss ?? state.sums.meanLoss)
    let isBest = judged.improves(on: state.best, by: options.monitor)
    if isBest { state.best = judged }
    state.epochsWithoutGain = isBest ? 0 : state.epochsWithoutGain + 1
    // Epochs of the warm-up, also those of which it is only a part, are not the plateau's.
    let start = moment(step: state.position.step - state.position.stepInEpoch)
    if case .plateau(let rule) = options.schedule.family, !options.schedule.isWarmingUp(at: start) {
      state.plateau.judge(judged.loss, by: rule)
    }
    return isBest
  }

  private func report(_ result: BatchResult, gradientNorm: Double?, _ pace: Pace) -> StepReport {
    let position = state.position
    let stepsLeft = (options.epochs - position.epoch) * stepsInEpoch - position.stepInEpoch
    return StepReport(
      epoch: position.epoch + 1, epochs: options.epochs, step: position.stepInEpoch,
      stepsInEpoch: stepsInEpoch, totalSteps: position.step, batchLoss: result.meanLoss,
      loss: state.sums.meanLoss, accuracy: state.sums.accuracy, learningRate: learningRate,
      gradientNorm: gradientNorm, isSynchronized: lookaheadInterval.map { optimizer.stepCount % $0 == 0 },
      imagesPerSecond: pace.imagesPerSecond ?? 0, secondsLeft: pace.secondsPerStep * Double(stepsLeft))
  }
}

/// How fast a training goes, in steps of this process.
private struct Pace {
  let clock = ContinuousClock()
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
