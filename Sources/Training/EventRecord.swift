// What a run writes down of its events, one JSON object a line: the lines of `metrics.jsonl` and of `--json`.

/// One line of a run's log. Epochs and steps count from 1; a step is one of the whole run.
///
/// JSON has no word for a number that is not finite: it is written as null, and null is read as NaN. A value that a run
/// does not have (no learning rate, no validation images) is left out.
public enum EventRecord: Hashable, Sendable {
  case step(Step)
  case epoch(Epoch)
  case checkpoint(Checkpoint)
  case test(Test)

  /// An optimizer step.
  public struct Step: Hashable, Sendable {
    public var epoch, step: Int
    /// Mean loss per image of this step's batch, in nats.
    public var loss: Double
    /// Share of images classified rightly, 0…1, of the epoch so far.
    public var accuracy: Double
    public var learningRate: Double?
    public var imagesPerSecond: Double
    /// A wrapper brought its slow and fast weights together in this step.
    public var isSynchronized: Bool
    /// Global norm of the gradients before they were clipped.
    public var gradientNorm: Double?

    public init(
      epoch: Int, step: Int, loss: Double, accuracy: Double, learningRate: Double? = nil,
      imagesPerSecond: Double, isSynchronized: Bool = false, gradientNorm: Double? = nil
    ) {
      self.epoch = epoch
      self.step = step
      self.loss = loss
      self.accuracy = accuracy
      self.learningRate = learningRate
      self.imagesPerSecond = imagesPerSecond
      self.isSynchronized = isSynchronized
      self.gradientNorm = gradientNorm
    }
  }

  /// An epoch and its validation.
  public struct Epoch: Hashable, Sendable {
    public var epoch, step: Int
    public var trainLoss, trainAccuracy: Double
    /// On the evaluation weights; nil without validation images.
    public var validationLoss, validationAccuracy: Double?
    /// On the weights being trained, where the evaluation weights are others.
    public var fastValidationLoss, fastValidationAccuracy: Double?
    public var learningRate: Double?
    public var seconds, imagesPerSecond: Double
    /// No epoch before was as good.
    public var isBest: Bool

    public init(
      epoch: Int, step: Int, trainLoss: Double, trainAccuracy: Double, validationLoss: Double? = nil,
      validationAccuracy: Double? = nil, fastValidationLoss: Double? = nil,
      fastValidationAccuracy: Double? = nil, learningRate: Double? = nil, seconds: Double,
      imagesPerSecond: Double, isBest: Bool = false
    ) {
      self.epoch = epoch
      self.step = step
      self.trainLoss = trainLoss
      self.trainAccuracy = trainAccuracy
      self.validationLoss = validationLoss
      self.validationAccuracy = validationAccuracy
      self.fastValidationLoss = fastValidationLoss
      self.fastValidationAccuracy = fastValidationAccuracy
      self.learningRate = learningRate
      self.seconds = seconds
      self.imagesPerSecond = imagesPerSecond
      self.isBest = isBest
    }
  }

  /// A checkpoint that is on the disk, whole and under its name.
  public struct Checkpoint: Hashable, Sendable {
    public var epoch, step: Int
    /// In the run directory.
    public var file: String

    public init(epoch: Int, step: Int, file: String) {
      self.epoch = epoch
      self.step = step
      self.file = file
    }
  }

  /// The test images, judged at the end.
  public struct Test: Hashable, Sendable {
    public var loss, accuracy: Double
    public var count: Int
    /// A row is the true class, a column the prediction.
    public var confusionMatrix: [[Int]]

    public init(loss: Double, accuracy: Double, count: Int, confusionMatrix: [[Int]]) {
      self.loss = loss
      self.accuracy = accuracy
      self.count = count
      self.confusionMatrix = confusionMatrix
    }
  }
}

extension EventRecord.Step {
  public init(_ report: StepReport) {
    self.init(
      epoch: report.epoch, step: report.totalSteps, loss: report.batchLoss, accuracy: report.accuracy,
      learningRate: report.learningRate, imagesPerSecond: report.imagesPerSecond,
      isSynchronized: report.isSynchronized ?? false, gradientNorm: report.gradientNorm)
  }
}

extension EventRecord.Epoch {
  public init(_ report: EpochReport) {
    self.init(
      epoch: report.epoch, step: report.totalSteps, trainLoss: report.trainLoss,
      trainAccuracy: report.trainAccuracy, validationLoss: report.validation?.loss,
      validationAccuracy: report.validation?.accuracy, fastValidationLoss: report.fastValidation?.loss,
      fastValidationAccuracy: report.fastValidation?.accuracy, learningRate: report.learningRate,
      seconds: report.seconds, imagesPerSecond: report.imagesPerSecond, isBest: report.isBest)
  }
}

extension EventRecord.Test {
  public init(_ evaluation: Evaluation) {
    let classes = 0..<evaluation.confusion.classCount
    self.init(
      loss: evaluation.loss, accuracy: evaluation.accuracy, count: evaluation.count,
      confusionMatrix: classes.map { label in
        classes.map { evaluation.confusion[label: label, prediction: $0] }
      })
  }
}
