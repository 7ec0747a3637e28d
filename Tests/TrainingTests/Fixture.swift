// What the trainer's tests share: a small run, and a sink that keeps what it hears.

import Datasets
import Training

/// Keeps every event.
final class Recorder: EventSink {
  private(set) var events: [TrainingEvent] = []

  func receive(_ event: TrainingEvent) { events.append(event) }

  var started: RunDescription? {
    for case .started(let description) in events { return description }
    return nil
  }
  var steps: [StepReport] { events.compactMap { if case .step(let report) = $0 { report } else { nil } } }
  var epochs: [EpochReport] { events.compactMap { if case .epoch(let report) = $0 { report } else { nil } } }
}

let smallDigits = BuiltinDigits.make(trainCount: 300, testCount: 100)

/// Options of a run of a second.
func smallRun(
  _ optimizer: OptimizerRequest = OptimizerRequest(), epochs: Int = 1,
  change: (inout TrainingOptions) -> Void = { _ in }
) -> TrainingOptions {
  var options = TrainingOptions()
  options.optimizer = optimizer
  options.epochs = epochs
  options.batchSize = 32
  change(&options)
  return options
}

/// A trainer on the small digits that nobody listens to.
func smallTrainer(
  _ optimizer: OptimizerRequest = OptimizerRequest(), epochs: Int = 1,
  change: (inout TrainingOptions) -> Void = { _ in }
) throws -> Trainer {
  try Trainer(smallRun(optimizer, epochs: epochs, change: change), dataset: smallDigits, events: Recorder())
}

/// All parameters, one after another.
func parameters(of trainer: Trainer) -> [Float] {
  trainer.network.parameters.flatMap { Array($0.values) }
}
