// Keeps what a run reports while it goes.

import Training

/// Collects a run's measurements in memory.
public final class HistorySink: EventSink {
  public private(set) var history = RunHistory()

  public init() {}

  public func receive(_ event: TrainingEvent) {
    switch event {
    case .started: break
    case .step(let report): history.add(RunHistory.Step(report))
    case .epoch(let report): history.add(RunHistory.Epoch(report))
    }
  }
}

extension RunHistory.Step {
  init(_ report: StepReport) {
    self.init(
      step: report.totalSteps, epoch: report.epoch, loss: report.batchLoss, accuracy: report.accuracy,
      learningRate: report.learningRate, imagesPerSecond: report.imagesPerSecond, isSynchronized: false,
      gradientNorm: nil)
  }
}

extension RunHistory.Epoch {
  init(_ report: EpochReport) {
    self.init(
      epoch: report.epoch, step: report.totalSteps, trainLoss: report.trainLoss,
      trainAccuracy: report.trainAccuracy, validationLoss: report.validation?.loss,
      validationAccuracy: report.validation?.accuracy, fastValidationLoss: nil, fastValidationAccuracy: nil,
      learningRate: report.learningRate, seconds: report.seconds, imagesPerSecond: report.imagesPerSecond,
      isBest: false)
  }
}
