// Cases about instances: how they are made, planned and ended.

import CPluginValidator
import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  static let life: [ValidationCase] = [
    ValidationCase(
      "makes-instances", "With its default values an instance is made, planned and ended.", needs: .library
    ) { subject in
      for dtype in try subject.dtypes() { _ = try Training(subject, TrainingOptions(dtype: dtype)) }
    },
    ValidationCase("steps", "Steps with its default values succeed.", needs: .instance) { subject in
      for dtype in try subject.dtypes() {
        let training = try Training(subject, TrainingOptions(dtype: dtype))
        try training.step(times: 3)
      }
    },
    ValidationCase(
      "ends-what-it-makes", "10,000 instances made and ended leave no memory behind.", needs: .instance,
      timeLimit: 120
    ) { subject in
      let training = try Training(subject, TrainingOptions(shapes: [("w", [16])]))
      func renew(_ count: Int) throws { for _ in 0..<count { try training.optimizer.renewInstances() } }
      // What grows at first is tables of the system and of the host.
      try renew(500)
      let before = plugin_validator_memory_in_use()
      try renew(9500)
      let kept = plugin_validator_memory_in_use() - before
      try expect(
        kept < 9500 * 8,
        "each instance leaves \(kept / 9500) bytes behind; destroy must release all that create and plan make"
      )
    },
    ValidationCase(
      "instances-are-independent", "Two instances that take turns give what each gives alone."
    ) { subject in
      let options = [
        TrainingOptions(shapes: [("a", [33]), ("b", [5, 7])]), TrainingOptions(shapes: [("c", [50])]),
      ]
      let alone = try options.map { options in
        let training = try Training(subject, options)
        try training.step(times: 6)
        return training.snapshot()
      }
      let both = try options.map { try Training(subject, $0) }
      for _ in 0..<6 { for training in both { try training.step() } }
      for (training, alone) in zip(both, alone) {
        try training.snapshot().expectSame(as: alone, "with a second instance beside it")
      }
    },
    ValidationCase(
      "optimizers-are-independent",
      "Two optimizers of the library that take turns give what each gives alone.",
      ofLibrary: true
    ) { subject in
      let types = try subject.plugin().optimizers
      guard types.count > 1 else { throw Verdict.skipped("the library holds one optimizer") }
      let subjects = types.map { Subject(path: subject.path, optimizer: $0.name, seed: subject.seed) }
      func start(_ subject: Subject) throws -> Training {
        // Nothing stands in between: there can be only one interposition at a time.
        try Training(subject, TrainingOptions(shapes: [("w", [40])], isInterposed: false))
      }
      let alone = try subjects.map { subject in
        let training = try start(subject)
        try training.step(times: 6)
        return training.snapshot()
      }
      let all = try subjects.map(start)
      for _ in 0..<6 { for training in all { try training.step() } }
      for (i, training) in all.enumerated() {
        try training.snapshot().expectSame(
          as: alone[i], "'\(types[i].name)' with the library's other optimizers beside it")
      }
    },
    ValidationCase("plans-again-alike", "Planned again, an instance asks for the same slots.") { subject in
      let training = try Training(subject)
      for _ in 0..<3 { try training.optimizer.planAgain() }
    },
    ValidationCase(
      "plans-by-its-input", "What an instance asks for does not depend on what was planned before.",
      needs: .instance
    ) { subject in
      func plan(_ shapes: [(name: String, shape: [Int])]) throws -> [String] {
        try Training(subject, TrainingOptions(shapes: shapes)).optimizer.conformancePlan()
      }
      let first = try plan(TrainingOptions.standard)
      _ = try plan((0..<12).map { ("w\($0)", [$0 + 20]) })
      let again = try plan(TrainingOptions.standard)
      guard first != again else { return }
      let differs = zip(first, again).first { $0.0 != $0.1 }
      throw Verdict.failed(
        "after another model it asks for \(differs?.1 ?? "other slots"), before it for "
          + "\(differs?.0 ?? "fewer or more"); saved state would not fit")
    },
  ]
}
