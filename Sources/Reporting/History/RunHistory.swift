// What a run measured, step by step and epoch by epoch, however one came to know it.

/// Measurements of a run in the order of its steps.
public struct RunHistory: Sendable {
  /// After one step.
  public struct Step: Hashable, Sendable {
    /// Of the run, from 1.
    public let step: Int
    /// From 1.
    public let epoch: Int
    /// Mean of the batch, in nats.
    public let loss: Double
    /// Share of the images of the epoch so far that were classified rightly, 0…1.
    public let accuracy: Double?
    public let learningRate: Double?
    public let imagesPerSecond: Double?
    /// Lookahead, or another wrapper of its kind, brought slow and fast weights together.
    public let isSynchronized: Bool
    /// Before clipping.
    public let gradientNorm: Double?
  }

  /// After one epoch.
  public struct Epoch: Hashable, Sendable {
    /// From 1.
    public let epoch: Int
    /// Steps of the run so far.
    public let step: Int
    public let trainLoss, trainAccuracy: Double
    /// With evaluation weights, under Lookahead the slow ones; nil without validation images.
    public let validationLoss, validationAccuracy: Double?
    /// With the weights that train, where those are others.
    public let fastValidationLoss, fastValidationAccuracy: Double?
    public let learningRate: Double?
    /// Training and validation of the epoch.
    public let seconds: Double
    public let imagesPerSecond: Double?
    /// The best validation so far.
    public let isBest: Bool
  }

  /// On the test images.
  public struct Test: Hashable, Sendable {
    public let loss, accuracy: Double
    public let count: Int
    /// Rows are true classes, columns predictions; empty when it was not recorded.
    public let confusion: [[Int]]
  }

  public internal(set) var steps: [Step] = []
  public internal(set) var epochs: [Epoch] = []
  public internal(set) var test: Test?

  public init() {}

  /// A run that was resumed made some steps again: what was said of them before no longer holds.
  mutating func add(_ step: Step) {
    forget(from: step.step)
    steps.append(step)
  }

  mutating func add(_ epoch: Epoch) {
    while let last = epochs.last, last.epoch >= epoch.epoch { epochs.removeLast() }
    epochs.append(epoch)
  }

  private mutating func forget(from step: Int) {
    guard let last = steps.last, last.step >= step else { return }
    steps.removeAll { $0.step >= step }
    epochs.removeAll { $0.step >= step }
    test = nil
  }
}
