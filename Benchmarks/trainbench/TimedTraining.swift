// A training by convtrain's own trainer, stopped and continued at will.

import ConvNet
import Datasets
import OptimizerHost
import Training

/// Trains some steps at a time, with everything that a run of convtrain does for a step.
final class TimedTraining {
  private let trainer: Trainer
  private let clock = ContinuousClock()

  init(_ trainingCase: TrainingCase) throws {
    var options = TrainingOptions()
    options.architecture = try trainingCase.architecture
    options.epochs = 100_000
    options.batchSize = trainingCase.batch
    options.threads = trainingCase.threads
    options.validationFraction = 0
    options.schedule = .constant
    options.optimizer = OptimizerRequest(expression: trainingCase.optimizer)
    let dataset = Dataset(
      name: "noise", classNames: (0..<TrainingCase.classes).map(String.init),
      train: trainingCase.images(trainingCase.images), test: trainingCase.images(1))
    trainer = try Trainer(options, dataset: dataset, events: Silence())
  }

  /// Continues for exactly `steps` steps.
  /// - Returns: seconds.
  func train(steps: Int) throws -> Double {
    let goal = trainer.state.position.step + steps
    let start = clock.now
    _ = try trainer.train(isCancelled: { [trainer] in trainer.state.position.step >= goal })
    let seconds = start.duration(to: clock.now) / .seconds(1)
    guard trainer.state.position.step == goal else {
      throw Refusal("\(trainer.state.position.step) steps were made and not \(goal)")
    }
    return seconds
  }
}

private final class Silence: EventSink {
  func receive(_ event: TrainingEvent) {}
}
