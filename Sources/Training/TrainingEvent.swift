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
  /// The base of the first parameter group; `nil`: this optimizer has no learning rate.
  public let learningRate: Double?
  /// In words.
  public let schedule: String
  /// 0…1.
  public let labelSmoothing: Double
  /// In words; `nil`: none.
  public let gradientClipping: String?
  /// Batches whose gradients are averaged for a step.
  public let accumulate: Int
  /// Parameter groups with values of their own; those of no such group are not in it.
  public let groups: [Group]
  /// What may end the run before its last epoch, in words.
  public let limits: [String]
  /// Every step is made on the same images, which are also the validation images.
  public let overfitsOneBatch: Bool
  /// The evaluation weights are the optimizer's own, such as Lookahead's slow weights.
  public let hasEvaluationWeights: Bool
  public let seed: UInt64
  public let threads: Int
  /// Whether compiled programs take the optimizer's steps, in words; `nil`: nobody asked for it.
  public let programs: String?

  /// One optimizer and where its code comes from.
  public struct Plugin: Hashable, Sendable {
    public let name, version: String
    /// The shared object, absolute.
    public let path: String
    /// Its SHA-256, in 64 hexadecimal digits.
    public let hash: String
  }

  /// Parameters with values of their own.
  public struct Group: Hashable, Sendable {
    /// The rules that apply to it.
    public let name: String
    /// Tensors, and elements of all of them.
    public let tensors, elements: Int
    /// Such as `lr=0.0001`.
    public let settings: [String]
  }
}

/// A training step, with means over the epoch so far.
public struct StepReport: Sendable {
  public let epoch, epochs: Int
  public let step, stepsInEpoch: Int
  /// Steps of the whole run so far.
  public let totalSteps: Int
  /// Mean loss per image of this step's batch, in nats; of smoothed and mixed labels where training uses them.
  public let batchLoss: Double
  /// Mean loss per image of the epoch so far, in nats.
  public let loss: Double
  /// Share of images classified rightly, 0…1, in training mode, of the epoch so far.
  public let accuracy: Double
  /// That the step was made with; `nil`: the optimizer has none.
  public let learningRate: Double?
  /// The global norm of the mean gradient before clipping; `nil` where clipping does not compute it.
  public let gradientNorm: Double?
  /// Whether Lookahead's slow and fast weights were brought together by this step; `nil` without a Lookahead.
  public let isSynchronized: Bool?
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
  /// On the weights being trained; `nil` where those are the evaluation weights too, or nobody asked for it.
  public let fastValidation: Evaluation?
  /// That the epoch's last step was made with; `nil`: the optimizer has none.
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
  public let ending: Ending

  /// It was told to stop before its last epoch was trained.
  public var wasCancelled: Bool { ending == .cancelled }

  /// Why a training is over.
  public enum Ending: Hashable, Sendable {
    /// All epochs are trained.
    case complete
    /// It was told to stop.
    case cancelled
    /// The time it may take is spent.
    case outOfTime
    /// That many epochs in a row were not better than the best.
    case noGain(epochs: Int)
  }
}
