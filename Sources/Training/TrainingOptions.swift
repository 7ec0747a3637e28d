// Everything that defines a training run, with the defaults of the trainer.

import ConvNet
import Datasets

/// What to train and how. A run is a function of these options, the data set and the plugins.
public struct TrainingOptions: Sendable {
  public var architecture = Architecture.lenet
  /// Choices within the architecture.
  public var network = NetworkOptions()
  /// Passes over the training images, 0 or more; 0 evaluates only.
  public var epochs = 8
  /// Images per step, 1…65536.
  public var batchSize = 64
  /// Of initial weights, split, order of the images, and dropout.
  public var seed: UInt64 = 42
  /// Threads for the network and the optimizer, 1…1024. Another number may change the last bits of the
  /// network's results; the optimizer's are the same for any.
  public var threads = 1
  /// Share of the training images held back for validation, in 0..<1.
  public var validationFraction = 0.1
  /// The largest global norm of the mean gradient of a batch; larger ones are scaled down to it. `nil`: no
  /// clipping.
  ///
  /// Source: R. Pascanu et al. 2013, <https://arxiv.org/abs/1211.5063>.
  public var gradientClip: Double?
  /// How the learning rate falls.
  public var schedule = Schedule.standard
  /// The most steps of an epoch, above 0; `nil`: all. Validation and test stay whole.
  public var limitBatches: Int?
  /// How training images are changed each time they are seen.
  public var augmentation = Augmentation()
  public var optimizer = OptimizerRequest()

  public init() {}

  /// Throws ``TrainingError/invalidOption(name:value:range:)`` for the first value outside its range.
  func validate() throws(TrainingError) {
    func require(_ holds: Bool, _ name: String, _ value: Any, _ range: String) throws(TrainingError) {
      guard holds else { throw .invalidOption(name: name, value: "\(value)", range: range) }
    }
    try require(epochs >= 0, "epochs", epochs, "0 or more")
    try require((1...65536).contains(batchSize), "batch size", batchSize, "1…65536")
    try require((1...1024).contains(threads), "threads", threads, "1…1024")
    try require((0..<1).contains(validationFraction), "validation fraction", validationFraction, "0..<1")
    if let gradientClip {
      try require(gradientClip > 0, "gradient clip", gradientClip, "above 0")
    }
    if let limitBatches {
      try require(limitBatches > 0, "batch limit", limitBatches, "1 or more")
    }
    for (name, value) in [("learning rate", optimizer.learningRate), ("weight decay", optimizer.weightDecay)]
    {
      if let value { try require(value.isFinite && value >= 0, name, value, "0 or more") }
    }
  }
}
