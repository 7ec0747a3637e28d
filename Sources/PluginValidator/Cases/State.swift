// Cases about state: all of it lies in slots, so that training can stop and go on anywhere.

import OptimizerHost

extension ValidationCase {
  /// More than a cycle of the wrappers that act every few steps.
  private static let cycle = 7

  static let state: [ValidationCase] = [
    ValidationCase("rewinds", "Put back to any step of a cycle, training goes on as it went on before.") {
      subject in
      let training = try Training(subject)
      var saved: [(state: [NamedTensor], values: [[Double]])] = []
      for _ in 0..<cycle {
        saved.append((training.optimizer.state(), training.allValues))
        try training.step()
      }
      let end = training.snapshot()
      for step in saved.indices.reversed() {
        try training.optimizer.restore(saved[step].state)
        training.rewind(to: step, saved[step].values)
        try training.step(times: cycle - step)
        try training.snapshot().expectSame(
          as: end, "put back to step \(step) and trained to step \(cycle) again")
      }
    },
    ValidationCase("resumes", "Saved at any step and restored into a new optimizer, training goes on alike.")
    {
      subject in
      let (saved, end) = try savedSteps(subject)
      for step in saved.indices {
        let other = try Training(subject)
        try other.optimizer.restore(saved[step].state)
        other.rewind(to: step, saved[step].values)
        try other.step(times: cycle - step)
        try other.snapshot().expectSame(as: end, "saved at step \(step) and resumed by a new optimizer")
      }
    },
    ValidationCase(
      "keeps-state-in-slots", "An instance that is ended and made anew between steps changes nothing."
    ) {
      subject in
      let plain = try snapshot(subject, TrainingOptions(), steps: cycle)
      let training = try Training(subject)
      for _ in 0..<cycle {
        try training.step()
        try training.optimizer.renewInstances()
      }
      try training.snapshot().expectSame(as: plain, "with the instance made anew after each step")
    },
  ]
}

extension ValidationCase {
  /// What is saved in front of each step of a cycle, and how the cycle ends.
  private static func savedSteps(_ subject: Subject) throws -> (
    [(state: [NamedTensor], values: [[Double]])], end: Snapshot
  ) {
    let training = try Training(subject)
    var saved: [(state: [NamedTensor], values: [[Double]])] = []
    for _ in 0..<cycle {
      saved.append((training.optimizer.state(), training.allValues))
      try training.step()
    }
    return (saved, training.snapshot())
  }
}

extension Training {
  /// Puts parameters and the count of steps back.
  fileprivate func rewind(to step: Int, _ values: [[Double]]) {
    setSteps(step)
    for (i, parameter) in parameters.enumerated() {
      for element in 0..<parameter.count {
        dtype.store(values[i][element], to: parameter.values, at: element)
      }
    }
  }
}
