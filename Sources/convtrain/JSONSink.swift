// Prints a run's events on stdout, a JSON object on each line, as they are in metrics.jsonl.

import Terminal
import Training

final class JSONSink: EventSink {
  /// Of the first line that could not be written: a training does not end for it, but does not succeed either.
  private var failure: (any Error)?

  func receive(_ event: TrainingEvent) {
    switch event {
    case .step(let report): write(.step(EventRecord.Step(report)))
    case .epoch(let report): write(.epoch(EventRecord.Epoch(report)))
    default: break
    }
  }

  func write(_ record: EventRecord) {
    guard failure == nil else { return }
    do { try Console.output(record.line) } catch { failure = error }
  }

  /// - Throws: ``OutputError`` if a line is missing.
  func finish() throws {
    if let failure { throw failure }
  }
}
