// Cases about the update as data.

import COptPlug
import OptimizerHost

extension ValidationCase {
  static let formula: [ValidationCase] = [
    ValidationCase(
      "formula-is-step",
      "The operations that it hands out keep the rules of optplug.h, and carrying them out gives the bits of step."
    ) { subject in
      let descriptor = try subject.descriptor()
      guard descriptor.pointee.get_extension?(descriptor, OPTPLUG_EXTENSION_FORMULA) != nil else {
        throw Verdict.skipped("it hands out no formula")
      }
      try expect(
        subject.type().isOfElements, "it hands out a formula, but works on more than single elements")
      try subject.needShipped("sgd", "adam")
      var compared = 0
      for settings in try variations(subject) {
        for dtype in try subject.dtypes() {
          for base in try subject.type().baseRoles.isEmpty
            ? [Subject.base] : [Subject.base, "sgd(lr=0.01, momentum=0.9)"]
          {
            compared += try compare(subject, settings, dtype, base)
          }
        }
      }
      guard compared > 0 else {
        throw Verdict.skipped("its formula serves no step of any setting that was tried")
      }
    }
  ]

  /// The defaults, and each hyperparameter at two other values that the rest allows.
  private static func variations(_ subject: Subject) throws -> [[String]] {
    try [[]]
      + subject.type().hyperparameters.flatMap { hyperparameter in
        hyperparameter.otherValues.prefix(2).map { [hyperparameter.setting($0)] }
      }
  }

  /// Steps by code and by formula, side by side.
  /// - Returns: how many steps were compared; 0 where the optimizer refuses the settings or has no formula for them.
  private static func compare(
    _ subject: Subject, _ settings: [String], _ dtype: DType, _ base: String
  ) throws -> Int {
    let options = TrainingOptions(
      dtype: dtype, settings: settings, base: base, gradientScale: 0.75,
      hasGradient: { parameter, step in step % 3 != 0 || parameter != 0 })
    let byCode: Training
    do { byCode = try Training(subject, options) } catch OptimizerError.hyperparameter { return 0 }
    let byFormula = try Training(subject, options)
    let words = (settings + ["\(dtype)"]).joined(separator: ", ")
    var compared = 0
    do {
      let fusion = try Fusion(byFormula.optimizer)
      for step in 1...12 {
        try byFormula.step(by: fusion)
        try byCode.step()
        compared += 1
        let (wanted, found) = (byCode.allValues, byFormula.allValues)
        guard wanted.joined().allSatisfy(\.isFinite) else {
          // What is not a number has bits that no rule fixes.
          try expect(
            zip(wanted.joined(), found.joined()).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN },
            "by its formula, with \(words), values differ at step \(step), where some are not finite")
          break
        }
        try byFormula.snapshot().expectSame(
          as: byCode.snapshot(), "by its formula, with \(words), at step \(step)")
      }
    } catch OptimizerError.formula {
      // From here on it has none.
    }
    return compared
  }
}
