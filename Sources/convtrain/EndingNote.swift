// What is said when a run ended before its last epoch, was a check whether the network can learn, or took steps without
// the programs that were asked for.

import Terminal
import Training

extension Trainer {
  /// nil: there is nothing to say.
  func endingNote(_ summary: TrainingSummary) throws -> String? {
    var notes: [String] = []
    let best = state.best.map {
      "; the best was epoch \($0.epoch) with \(Format.percent($0.accuracy)) and a loss of \(Format.decimal($0.loss, 4))"
    }
    switch summary.ending {
    case .complete, .cancelled: break
    case .outOfTime:
      notes.append(
        "out of time: \(Format.duration(state.secondsSpent)) spent, in epoch \(state.position.epoch + 1) of "
          + "\(options.epochs) after step \(state.position.stepInEpoch)\(best ?? "")")
    case .noGain(let epochs):
      notes.append(
        "stopped after epoch \(state.position.epoch) of \(options.epochs): "
          + "\(epochs == 1 ? "1 epoch" : "\(epochs) epochs in a row") without a better \(options.monitor.rawValue)\(best ?? "")"
      )
    }
    if options.overfitsOneBatch, let found = try validate() {
      let facts =
        "\(found.confusion.correct) of its \(Format.count(found.count, "image")) right, loss \(Format.decimal(found.loss, 4)), after "
        + Format.count(state.position.step, "step")
      notes.append(
        found.confusion.correct == found.count
          ? "overfit: the one batch is learnt: \(facts)"
          : "overfit: the one batch is not learnt: \(facts); try more epochs or another learning rate, and if that "
            + "does not help, look at data, labels and network")
    }
    // What was known at the start is in the table of the start.
    if let problem = optimizer.programProblem, problem != programProblemAtStart {
      notes.append("jit: \(problem)")
    }
    return notes.isEmpty ? nil : notes.joined(separator: "\n")
  }
}
