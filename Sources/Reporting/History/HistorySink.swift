// Keeps what a run reports while it goes.

import Training

/// Collects a run's measurements in memory.
public final class HistorySink: EventSink {
  public private(set) var history = RunHistory()

  public init() {}

  public func receive(_ event: TrainingEvent) {
    switch event {
    case .step(let report): history.add(.step(EventRecord.Step(report)))
    case .epoch(let report): history.add(.epoch(EventRecord.Epoch(report)))
    default: break
    }
  }
}
