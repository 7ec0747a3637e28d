// Cases about optimizers inside one another.

import OptimizerHost

extension ValidationCase {
  static let composition: [ValidationCase] = [
    ValidationCase(
      "is-itself-under-lookahead",
      "Under a Lookahead that goes all the way, it gives the bits that it gives alone."
    ) { subject in
      try subject.needShipped("lookahead", "adam")
      // On some steps a parameter has no gradient, and the base gets a frame without segments.
      func run(_ wrapping: @escaping (String) -> String) throws -> Snapshot {
        try snapshot(
          subject,
          TrainingOptions(
            wrapping: wrapping, pieceElements: 16,
            hasGradient: { parameter, step in step % 3 != 0 || parameter != 0 },
            isInterposed: false),
          steps: 12)
      }
      let alone = try run { $0 }
      let under = try run { "lookahead(k=5, alpha=1, \($0))" }
      for (a, b) in zip(alone.tensors, under.tensors).prefix(TrainingOptions.standard.count) {
        try expect(
          a.bytes == b.bytes, "under lookahead(alpha=1), '\(a.name)' differs from what it is without")
      }
    },
    ValidationCase(
      "wraps-any-base", "A wrapper steps over bases with and without state, and keeps what they do."
    ) {
      subject in
      guard try !subject.type().baseRoles.isEmpty else {
        throw Verdict.skipped("it wraps no other optimizer")
      }
      for base in [
        "sgd(lr=0.01)", "sgd(lr=0.01, momentum=0.9)", "adam(lr=0.01)", "lookahead(k=3, sgd(lr=0.01))",
      ] {
        let training = try Training(subject, TrainingOptions(base: base))
        try training.step(times: 12)
        for (i, parameter) in training.parameters.enumerated() {
          for element in 0..<parameter.count {
            try expect(training.value(i, element).isFinite, "over \(base), '\(parameter.name)' is not finite")
          }
        }
        let again = try snapshot(subject, TrainingOptions(base: base, pieceElements: 16), steps: 12)
        try again.expectSame(as: training.snapshot(), "over \(base), in pieces of 16 elements")
      }
    },
  ]
}
