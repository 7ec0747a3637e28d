// Cases about settings: each does something, when it says so, over its whole range.

import Foundation
import OptimizerHost

extension ValidationCase {
  static let hyperparameters: [ValidationCase] = [
    ValidationCase(
      "every-hyperparameter-has-an-effect", "Each hyperparameter changes what training does.", timeLimit: 60
    ) {
      subject in
      let type = try subject.type()
      let dead = try type.hyperparameters.filter { try effect(of: $0, subject) == nil }.map(\.name)
      guard dead.isEmpty else {
        throw Verdict.warning(
          "no effect shows of \(dead.map { "'\($0)'" }.joined(separator: ", ")), with any value that was tried, beside "
            + "the others' defaults or one of them changed")
      }
    },
    ValidationCase("reads-live-values", "A value changed between two steps holds from the next step on.") {
      subject in
      for hyperparameter in try subject.type().hyperparameters
      where !hyperparameter.isStructural && !hyperparameter.isZeroStructural {
        for value in hyperparameter.otherValues.prefix(2) {
          guard
            let wanted = try? snapshot(
              subject, TrainingOptions(settings: [hyperparameter.setting(value)]), steps: 6)
          else { continue }
          let changed = try Training(subject)
          try changed.optimizer.set(hyperparameter.name, to: value)
          try changed.step(times: 6)
          try changed.snapshot().expectSame(
            as: wanted, "with \(hyperparameter.setting(value)) set after planning instead of before")
        }
      }
    },
    ValidationCase("takes-its-whole-range", "Values at the ends of their ranges let steps succeed.") {
      subject in
      let type = try subject.type()
      for hyperparameter in type.hyperparameters {
        for value in hyperparameter.extremes {
          // What cannot even be made is refused, by check or against it, which is another case.
          guard
            let training = try? Training(subject, TrainingOptions(settings: [hyperparameter.setting(value)]))
          else {
            continue
          }
          do { try training.step(times: 2) } catch {
            throw Verdict.failed("with \(hyperparameter.setting(value)): \(error)")
          }
        }
      }
    },
    ValidationCase("checks-what-it-refuses", "Values that pass check are those that can be made and planned.")
    {
      subject in
      let type = try subject.type()
      for hyperparameter in type.hyperparameters {
        for value in hyperparameter.otherValues + hyperparameter.extremes {
          do {
            _ = try Training(subject, TrainingOptions(settings: [hyperparameter.setting(value)]))
          } catch OptimizerError.call(_, let function, let problem) {
            throw Verdict.failed(
              "check allows \(hyperparameter.setting(value)), but \(function) fails: \(problem); refuse it in check"
            )
          } catch OptimizerError.hyperparameter { continue }
        }
      }
    },
    ValidationCase(
      "plans-by-structural-values", "Only values marked structural decide which slots there are."
    ) {
      subject in
      let usual = try slotNames(subject, [])
      for hyperparameter in try subject.type().hyperparameters where !hyperparameter.isStructural {
        for value in hyperparameter.otherValues {
          if hyperparameter.isZeroStructural, (value == 0) != (hyperparameter.defaultValue == 0) { continue }
          guard let names = try? slotNames(subject, [hyperparameter.setting(value)]) else { continue }
          try expect(
            names == usual,
            "\(hyperparameter.setting(value)) makes other slots; mark '\(hyperparameter.name)' STRUCTURAL")
        }
      }
    },
  ]

  private static func slotNames(_ subject: Subject, _ settings: [String]) throws -> [String] {
    try Training(subject, TrainingOptions(settings: settings)).optimizer.conformancePlan()
  }

  /// A live hyperparameter whose value shows beside the defaults of all others, with that value.
  static func liveEffect(_ subject: Subject) throws -> (HyperparameterType, Double)? {
    let usual = try trace(subject, [])
    for hyperparameter in try subject.type().hyperparameters
    where !hyperparameter.isStructural && !hyperparameter.isZeroStructural {
      for value in hyperparameter.otherValues.prefix(3) {
        if let trace = try? trace(subject, [hyperparameter.setting(value)]), trace != usual {
          return (hyperparameter, value)
        }
      }
    }
    return nil
  }

  /// The settings with which a hyperparameter's effect shows, or nil. Some work only beside another's value, as
  /// nesterov beside a momentum.
  private static func effect(of hyperparameter: HyperparameterType, _ subject: Subject) throws -> [String]? {
    var contexts: [[String]] = [[]]
    for other in try subject.type().hyperparameters where other.name != hyperparameter.name {
      contexts += other.otherValues.prefix(4).map { [other.setting($0)] }
    }
    for context in contexts {
      guard let usual = try? trace(subject, context) else { continue }
      for value in hyperparameter.otherValues {
        let settings = context + [hyperparameter.setting(value)]
        if let trace = try? trace(subject, settings), trace != usual { return settings }
      }
    }
    return nil
  }

  /// Names and bytes of parameters and slots after a dozen steps.
  private static func trace(_ subject: Subject, _ settings: [String]) throws -> [NamedTensor] {
    try snapshot(
      subject,
      TrainingOptions(shapes: [("m", [4, 5]), ("w", [6])], settings: settings, base: "adam(lr=0.1)"),
      steps: 12
    ).tensors.filter { !$0.name.hasPrefix("optimizer/") }
  }
}
