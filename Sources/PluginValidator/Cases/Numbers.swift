// Cases about what happens to numbers and shapes of all kinds.

import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  static let numbers: [ValidationCase] = [
    ValidationCase("contains-nan", "A gradient that is not a number harms its own element alone.") {
      try trainSpoilt($0, .nan)
    },
    ValidationCase("contains-infinity", "An infinite gradient harms its own element alone.") {
      try trainSpoilt($0, .infinity)
      try trainSpoilt($0, -.infinity)
    },
    ValidationCase("takes-denormal-gradients", "The least gradients make nothing infinite or not a number.") {
      subject in
      for dtype in try subject.dtypes() {
        let least = dtype == .float64 ? Double.leastNonzeroMagnitude : Double(Float.leastNonzeroMagnitude)
        try trainFinite(subject, dtype, "gradients of \(least)") { _, element, _ in
          least * Double(element % 7 + 1) * (element % 2 == 0 ? 1 : -1)
        }
      }
    },
    ValidationCase("takes-zero-gradients", "Gradients of zero make nothing infinite or not a number.") {
      subject in
      for dtype in try subject.dtypes() { try trainFinite(subject, dtype, "gradients of 0") { _, _, _ in 0 } }
    },
    ValidationCase("takes-missing-gradients", "Parameters may lack their gradients on any step.") { subject in
      let takesNull = try subject.type().claims(OPTPLUG_CAPABILITY_NULL_GRADIENT)
      let training = try Training(
        subject,
        TrainingOptions(hasGradient: { parameter, step in step != 2 && (step != 3 || parameter != 1) }))
      for step in 1...5 {
        let before = training.parameters.indices.map { training.value($0, 0) }
        try training.step()
        for (i, parameter) in training.parameters.enumerated()
        where !takesNull && !training.options.hasGradient(i, step) {
          try expect(training.value(i, 0) == before[i], "'\(parameter.name)' moves without a gradient")
        }
      }
    },
    ValidationCase("float64-agrees", "Double precision gives what single precision gives, but for rounding.")
    {
      subject in
      let dtypes = try subject.dtypes()
      guard dtypes.count > 1 else { throw Verdict.skipped("it takes \(dtypes[0]) only") }
      let values = try dtypes.map { dtype in
        let training = try Training(subject, TrainingOptions(dtype: dtype))
        try training.step(times: 8)
        return training.allValues
      }
      for (i, entry) in TrainingOptions.standard.enumerated() {
        for (element, (a, b)) in zip(values[0][i], values[1][i]).enumerated() {
          try expect(
            abs(a - b) <= 1e-3 * max(1, abs(b)),
            "after 8 steps '\(entry.name)' at element \(element) is \(a) in float32 and \(b) in float64")
        }
      }
    },
    ValidationCase(
      "applies-the-gradient-scale", "A scale of gradients gives what gradients multiplied before give."
    ) { subject in
      // A power of 2, by which every product is exact.
      let scaled = try snapshot(subject, TrainingOptions(gradientScale: 0.25), steps: 5)
      let before = try Training(subject, TrainingOptions(gradientFactor: 0.25))
      try before.step(times: 5)
      try scaled.expectSame(as: before.snapshot(), "with gradients scaled by 0.25")
    },
    ValidationCase(
      "counts-steps-of-parameters", "A parameter that joins late starts as it would at the first step."
    ) { subject in
      guard try subject.type().baseRoles.isEmpty else {
        throw Verdict.skipped("a wrapper may act by the step of the whole")
      }
      let shapes: [(name: String, shape: [Int])] = [("late", [20]), ("early", [20])]
      func gradient(_ parameter: Int, _ element: Int, _ step: Int) -> Double {
        madeUp(subject.seed, UInt64(bitPattern: Int64(step)), UInt64(parameter), UInt64(element))
      }
      func run(_ steps: Int, _ options: TrainingOptions) throws -> [Double] {
        let training = try Training(subject, options)
        try training.step(times: steps)
        return training.allValues[0]
      }
      let late = try run(
        8,
        TrainingOptions(
          shapes: shapes, hasGradient: { $0 == 1 || $1 > 3 },
          gradient: { gradient($0, $1, $0 == 0 ? $2 - 3 : $2) }))
      let alone = try run(5, TrainingOptions(shapes: shapes, gradient: gradient))
      let differs = late.indices.first { late[$0] != alone[$0] }
      if let differs {
        throw Verdict.warning(
          "a parameter whose first gradient comes on step 4 is \(late[differs]) after 5 steps of its own, and "
            + "\(alone[differs]) from the start; use segment.parameter_step unless the whole's step is meant"
        )
      }
    },
    ValidationCase("keeps-groups-apart", "Each parameter is updated with the values of its own group.") {
      subject in
      let type = try subject.type()
      guard type.conformanceDescriptor.pointee.granularity < OPTPLUG_GRANULARITY_MODEL else {
        throw Verdict.skipped("it sees the whole model at once")
      }
      guard let (hyperparameter, value) = try liveEffect(subject) else {
        throw Verdict.skipped("no hyperparameter has an effect that shows")
      }
      let usual = hyperparameter.defaultValue
      func run(_ values: [Double]) throws -> Snapshot {
        let training = try Training(
          subject, TrainingOptions(groupOf: { $0 % 2 }, groupValues: values.map { [hyperparameter.name: $0] })
        )
        try training.step(times: 6)
        return training.snapshot()
      }
      let (both, all, none) = (try run([usual, value]), try run([value, value]), try run([usual, usual]))
      for i in 0..<TrainingOptions.standard.count {
        try expect(
          both.tensors[i].bytes == (i % 2 == 0 ? none : all).tensors[i].bytes,
          "'\(both.tensors[i].name)' is not updated with its own group's '\(hyperparameter.name)'")
      }
    },
    ValidationCase("accepts-empty-tensors", "A model may hold tensors without elements.") { subject in
      try trainShapes(subject, [("empty", [0, 3]), ("w", [20]), ("none", [0])])
    },
    ValidationCase("accepts-scalars", "A parameter may have no dimensions.") { subject in
      try trainShapes(subject, [("scalar", []), ("w", [20])])
    },
    ValidationCase("accepts-single-elements", "A parameter may have one element.") { subject in
      try trainShapes(subject, [("one", [1]), ("square", [1, 1]), ("w", [20])])
    },
    ValidationCase("accepts-many-dimensions", "A parameter may have twelve dimensions.") { subject in
      try trainShapes(subject, [("deep", [2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 3])])
    },
    ValidationCase("accepts-many-tensors", "A model may hold thousands of tensors.", timeLimit: 60) {
      subject in
      try trainShapes(subject, (0..<5000).map { ("w\($0)", [3]) })
    },
    ValidationCase(
      "counts-past-2-31", "Elements beyond number 2^31 of a tensor are updated like all others.",
      timeLimit: 60
    ) { try trainFarAway($0) },
  ]

  private static func trainShapes(_ subject: Subject, _ shapes: [(name: String, shape: [Int])]) throws {
    for dtype in try subject.dtypes() {
      let training = try Training(subject, TrainingOptions(shapes: shapes, dtype: dtype))
      try training.step(times: 3)
      for (i, parameter) in training.parameters.enumerated() {
        for element in 0..<parameter.count {
          try expect(
            training.value(i, element).isFinite,
            "'\(parameter.name)' of shape \(parameter.shape) is \(training.value(i, element)) after 3 steps")
        }
      }
    }
  }

  private static func trainFinite(
    _ subject: Subject, _ dtype: DType, _ what: String, _ gradient: @escaping (Int, Int, Int) -> Double?
  ) throws {
    let training = try Training(subject, TrainingOptions(dtype: dtype, gradient: gradient))
    for step in 1...4 {
      try training.step()
      for (i, parameter) in training.parameters.enumerated() {
        for element in 0..<parameter.count {
          let value = training.value(i, element)
          try expect(
            value.isFinite, "\(what) make '\(parameter.name)' \(value) on step \(step), in \(dtype)")
        }
      }
    }
  }

  /// Trains with one bad element in a gradient.
  private static func trainSpoilt(_ subject: Subject, _ value: Double) throws {
    for dtype in try subject.dtypes() {
      func run(_ gradient: @escaping (Int, Int, Int) -> Double?) throws -> Snapshot {
        try snapshot(subject, TrainingOptions(dtype: dtype, gradient: gradient), steps: 4)
      }
      // No gradient depends on a parameter, or infinities would come back as what is not a number.
      func usual(_ parameter: Int, _ element: Int, _ step: Int) -> Double {
        madeUp(subject.seed, UInt64(step), UInt64(parameter), UInt64(element))
      }
      let spoilt = try run { $0 == 1 && $1 == 77 && $2 == 2 ? value : usual($0, $1, $2) }
      // Others take whole tensors or models into account, and need only come to an end.
      guard try subject.type().isOfElements, try !Training(subject).optimizer.conformanceSumsUp else {
        continue
      }
      let clean = try run(usual)
      for (a, b) in zip(spoilt.tensors, clean.tensors) where !a.name.hasPrefix("optimizer/") {
        let isSpoilt = a.name == "dense.weight" || a.name.hasPrefix("dense.weight/")
        let size = a.dtype.size
        let differs = (0..<(a.bytes.count / size)).first { i in
          !(isSpoilt && i == 77)
            && a.bytes[(i * size)..<(i * size + size)] != b.bytes[(i * size)..<(i * size + size)]
        }
        if let differs {
          throw Verdict.failed(
            "a gradient of \(value) at element 77 of 'dense.weight' changes element \(differs) of '\(a.name)'"
          )
        }
      }
    }
  }
}
