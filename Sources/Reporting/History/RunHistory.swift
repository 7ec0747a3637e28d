// What a run measured, step by step and epoch by epoch, however one came to know it.

import Training

/// Measurements of a run in the order of its steps.
public struct RunHistory: Sendable {
  public private(set) var steps: [EventRecord.Step] = []
  public private(set) var epochs: [EventRecord.Epoch] = []
  public private(set) var test: EventRecord.Test?

  public init() {}

  /// A run that was resumed makes some steps again: what was said of them before no longer holds.
  public mutating func add(_ record: EventRecord) {
    switch record {
    case .step(let step):
      forget(from: step.step)
      steps.append(step)
    case .epoch(let epoch):
      while let last = epochs.last, last.epoch >= epoch.epoch { epochs.removeLast() }
      epochs.append(epoch)
    case .test(let test): self.test = test
    case .checkpoint: break
    }
  }

  private mutating func forget(from step: Int) {
    guard let last = steps.last, last.step >= step else { return }
    steps.removeAll { $0.step >= step }
    epochs.removeAll { $0.step >= step }
    test = nil
  }

  /// The epoch with the best validation: the last that was the best until then, or the one of the highest accuracy.
  public var bestEpoch: EventRecord.Epoch? {
    epochs.last(where: \.isBest)
      ?? epochs.max { ($0.validationAccuracy ?? -1) < ($1.validationAccuracy ?? -1) }
  }

  /// Of all epochs, with their validations.
  public var seconds: Double { epochs.reduce(0) { $0 + $1.seconds } }
}
