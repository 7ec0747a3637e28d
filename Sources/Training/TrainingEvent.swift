// What a run reports while it goes: values for sinks to print, log or draw.

import Datasets

/// Receives a run's events, in order, on the thread that trains.
public protocol EventSink: AnyObject {
  func receive(_ event: TrainingEvent)
}

/// One thing that happened. Epochs and steps count from 1.
public enum TrainingEvent: Sendable {
  /// Everything is loaded and planned; nothing is trained yet.
  case started(RunDescription)
  /// A step was made.
  case step(StepReport)
  /// An epoch and its validation are complete.
  case epoch(EpochReport)
}

/// What is in force in a run.
public struct RunDescription: Sendable {
  public let architecture: String
  /// Elements of all parameters.
  public let parameterCount: Int
  public let dataset: String
  public let shape: ImageShape
  public let classCount: Int
  public let trainCount, validationCount, testCount: Int
  public let epochs, batchSize: Int
  public let limitBatches: Int?
  /// The optimizer's expression with every value in force.
  public let optimizer: String
  /// The optimizers of the expression, wrappers before their bases.
  public let plugins: [Plugin]
  /// Bytes of optimizer state.
  public let stateBytes: Int
  /// `nil`: this optimizer has no learning rate.
  public let learningRate: Double?
  /// In words.
  public let schedule: String
  public let gradientClip: Double?
  /// Biases and norm parameters have no weight decay.
  public let sparesBiasesAndNorms: Bool
  /// The evaluation weights are the optimizer's own, such as Lookahead's slow weights.
  public let hasEvaluationWeights: Bool
  public let seed: UInt64
  public let threads: Int

  /// One optimizer and where its code comes from.
  public struct Plugin: Hashable, Sendable {
    public let name, version: String
    /// The shared object, absolute.
    public let path: String
    /// Its SHA-256, in 64 hexadecimal digits.
    public let hash: String
  }
}

/// A training step, with means over the epoch so far.
public struct StepReport: Sendable {
  public let epoch, epochs: Int
  public let step, stepsInEpoch: Int
  /// Steps of the whole run so far.
  public let totalSteps: Int
  /// Mean loss per image of this step's batch, in nats.
  public let batchLoss: Double
  /// Mean loss per image of the epoch so far, in nats.
  public let loss: Double
  /// Share of images classified rightly, 0…1, in training mode, of the epoch so far.
  public let accuracy: Double
  /// That the step was made with; `nil`: the optimizer has none.
  public let learningRate: Double?
  /// Over the run so far, training steps only.
  public let imagesPerSecond: Double
  /// Estimate for the rest of the training.
  public let secondsLeft: Double
}

/// A complete epoch.
public struct EpochReport: Sendable {
  public let epoch, epochs: Int
  /// Steps of the whole run so far.
  public let totalSteps: Int
  public let trainLoss, trainAccuracy: Double
  /// On evaluation weights; `nil` without validation images.
  public let validation: Evaluation?
  /// That the epoch was trained with; `nil`: the optimizer has none.
  public let learningRate: Double?
  public let seconds: Double
  public let imagesPerSecond: Double
  /// No epoch before was as good; see ``BestEpoch``.
  public let isBest: Bool
}

/// A moment of a training when everything that belongs to it is of the same step.
public enum Pause: Sendable {
  /// After a step.
  case step
  /// After an epoch and its validation.
  case epoch
}

/// How a training ended.
public struct TrainingSummary: Sendable {
  /// Epochs trained to their end.
  public let epochs: Int
  /// Steps made altogether.
  public let steps: Int
  /// Mean loss and share of right answers of the last epoch with a step; `nil` without one.
  public let trainLoss, trainAccuracy: Double?
  /// Training steps only; `nil` without a step.
  public let imagesPerSecond: Double?
  /// Training steps and validation.
  public let seconds: Double
  /// It was told to stop before its last epoch was trained.
  public let wasCancelled: Bool
}
