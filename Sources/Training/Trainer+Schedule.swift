// The schedule's learning rates, in every optimizer of the tree and every parameter group.

import OptimizerHost

extension Trainer {
  /// Sets the learning rates that the next step is made with: those of wrappers and of bases alike.
  func applySchedule() throws {
    for (path, group, base) in baseLearningRates {
      try optimizer.set(path, to: learningRate(base: base), group: group)
    }
  }

  /// What the step that ``state`` stands before, or the last one where an epoch is complete, is made with: the first
  /// learning rate of the first parameter group.
  var learningRate: Double? {
    baseLearningRates.first.flatMap { try? optimizer.value(of: $0.path, group: $0.group) }
  }

  private func learningRate(base: Double) -> Double {
    options.schedule.learningRate(base: base, at: moment(step: state.position.step), plateau: state.plateau)
  }

  /// Of a step of the epoch that the run is in.
  func moment(step: Int) -> Schedule.Moment {
    Schedule.Moment(
      step: step, epoch: state.position.epoch, stepsInEpoch: stepsInEpoch, epochs: options.epochs)
  }

  /// Where the tree has a Lookahead, after how many steps it synchronises.
  var lookaheadInterval: UInt64? {
    lookaheadPath.flatMap { try? optimizer.value(of: $0) }.map { UInt64($0) }
  }

  /// Full path of the hyperparameter of the outermost Lookahead that says how often it synchronises.
  static func lookaheadPath(in optimizer: Optimizer) -> String? {
    // Paths come in the order of the optimizers, each with all of its hyperparameters.
    var paths = optimizer.hyperparameters.map(\.path)[...]
    for type in optimizer.optimizers {
      let own = paths.prefix(type.hyperparameters.count)
      paths = paths.dropFirst(own.count)
      if type.name == "lookahead", let path = own.first(where: { $0 == "k" || $0.hasSuffix(".k") }) {
        return path
      }
    }
    return nil
  }
}
