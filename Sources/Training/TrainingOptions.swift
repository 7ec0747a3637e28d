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
  /// Compiles the optimizers' formulas to programs, with the C compiler of the machine; results stay
  /// the same.
  public var jit = false
  /// Share of the training images held back for validation, in 0..<1.
  public var validationFraction = 0.1
  /// How the mean gradient of a step is clipped; `nil`: not at all.
  public var gradientClipping: GradientClipping?
  /// Batches whose gradients are averaged, each image alike, for one step of the optimizer; 1…65536.
  public var accumulate = 1
  /// The share of each training label that is spread evenly over all classes, in 0..<1. Reported training losses are
  /// those of the smoothed labels; validation and test know plain labels only.
  public var labelSmoothing = 0.0
  /// How the learning rate changes.
  public var schedule = Schedule.standard
  /// The most steps of an epoch, above 0; `nil`: all. Validation and test stay whole.
  public var limitBatches: Int?
  /// How training images are changed each time they are seen.
  public var augmentation = Augmentation()
  public var optimizer = OptimizerRequest()
  /// By what epochs are compared, for the best one and for ``patience``.
  public var monitor = Monitor.accuracy
  /// That many epochs in a row without a better one end the run, above 0; `nil`: never.
  public var patience: Int?
  /// Seconds of training and validation, above 0, after which no further step is made; `nil`: no limit.
  public var timeLimit: Double?
  /// Makes every step on one batch, the first of the training images, and validates on it too: a network that cannot
  /// learn it has a fault.
  public var overfitsOneBatch = false
  /// Also judges the weights being trained after each epoch, where the evaluation weights are others.
  public var evaluatesFastWeights = false

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
    switch gradientClipping {
    case .norm(let value), .value(let value), .adaptive(let value):
      try require(value > 0, "gradient clip", value, "above 0")
    case nil: break
    }
    try require((1...65536).contains(accumulate), "number of accumulated batches", accumulate, "1…65536")
    try require((0..<1).contains(labelSmoothing), "label smoothing", labelSmoothing, "0..<1")
    if let patience { try require(patience > 0, "patience", patience, "1 or more") }
    if let timeLimit { try require(timeLimit > 0, "time limit", timeLimit, "above 0 seconds") }
    try schedule.validate()
    if let limitBatches {
      try require(limitBatches > 0, "batch limit", limitBatches, "1 or more")
    }
    for (name, value) in [("learning rate", optimizer.learningRate), ("weight decay", optimizer.weightDecay)]
    {
      if let value { try require(value.isFinite && value >= 0, name, value, "0 or more") }
    }
  }
  /// Optimizer steps of an epoch of so many batches.
  func stepsInEpoch(batches: Int) -> Int {
    min((batches + accumulate - 1) / accumulate, limitBatches ?? .max)
  }

  /// What may end the run before its last epoch, in words.
  var limits: [String] {
    var limits: [String] = []
    if let patience {
      limits.append(
        "\(patience) \(patience == 1 ? "epoch" : "epochs") without a better validation \(monitor.rawValue)")
    }
    if let timeLimit { limits.append("\(timeLimit) seconds") }
    return limits
  }
}
