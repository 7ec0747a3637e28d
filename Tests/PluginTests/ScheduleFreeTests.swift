// Schedule-Free walked by hand: the average, where gradients are taken, warm-up, and who may move the weights.

import OptimizerHost
import TestSupport
import Testing

@Suite struct ScheduleFreeTests {
  /// Weights, average and base's point after each step of a constant gradient of 1.
  private func walk(_ expression: String, steps: Int) throws -> [[Double]] {
    let training = try Training<Double>(expression, start: 8)
    return try (0..<steps).map { _ in
      try training.step([[1]])
      return training.tensors[0].values + training.state("w/x") + training.state("w/z")
    }
  }

  private func isNear(_ a: [[Double]], _ b: [[Double]]) -> Bool {
    a.count == b.count
      && zip(a.joined(), b.joined()).allSatisfy { ($0 - $1).magnitude < 1e-14 }
  }

  @Test func averagesTheBasesPath() throws {
    // z falls by 1; x is the mean of 7, 6, 5; y is halfway.
    #expect(
      isNear(
        try walk("schedulefree(momentum=0.5, sgd(lr=1))", steps: 3),
        [[7, 7, 7], [6.25, 6.5, 6], [5.5, 6, 5]]))
  }

  @Test func momentumSaysWhereGradientsAreTaken() throws {
    #expect(isNear(try walk("schedulefree(momentum=0, sgd(lr=1))", steps: 2), [[7, 7, 7], [6, 6.5, 6]]))
    #expect(isNear(try walk("schedulefree(momentum=1, sgd(lr=1))", steps: 2), [[7, 7, 7], [6.5, 6.5, 6]]))
  }

  @Test func warmUpShortensStepsAndTheirWeight() throws {
    // Steps of 1/4, 2/4, 3/4, 1, 1 with weights 1, 4, 9, 16, 16.
    let path = [7.75, 7.25, 6.5, 5.5, 4.5]
    let weights = [1.0, 4, 9, 16, 16]
    let found = try walk("schedulefree(momentum=0.5, warmup_steps=4, sgd(lr=1))", steps: 5)
    for n in 1...5 {
      let total = weights.prefix(n).reduce(0, +)
      let mean = zip(path, weights).prefix(n).reduce(0) { $0 + $1.0 * $1.1 } / total
      #expect((found[n - 1][1] - mean).magnitude < 1e-13)
      #expect((found[n - 1][2] - path[n - 1]).magnitude < 1e-13)
    }
  }

  /// A parameter that comes late has an average of its own steps alone.
  @Test func everyParameterCountsItsOwnSteps() throws {
    let training = try Training<Double>(
      "schedulefree(momentum=0.5, sgd(lr=1))", [Tensor("early", [8]), Tensor("late", [8])])
    for step in 1...4 { try training.step([[1], step > 2 ? [1] : nil]) }
    #expect(training.state("late/x") == [6.5] && training.state("late/z") == [6])
    #expect(training.state("early/x") == [5.5])
  }

  @Test func evaluationSeesTheAverageAndLeavesNoTrace() throws {
    let training = try Training<Float>(
      "schedulefree(adam)", [Tensor("w", mixedValues(stream: 1, count: 3000))], threads: 2, pieceElements: 100
    )
    for step in 1...5 {
      try training.step([mixedValues(stream: 10 + step, count: 3000)])
      let (weights, state) = (training.tensors[0].values, training.optimizer.state())
      let average = training.state("w/x")
      try training.optimizer.withEvaluationWeights { #expect(training.tensors[0].values == average) }
      #expect(training.tensors[0].values.map(\.bitPattern) == weights.map(\.bitPattern))
      #expect(training.optimizer.state() == state)
    }
  }

  /// Lookahead's sync moves y; average and point move along, so that it is not undone by the next step.
  @Test func aSyncAboveMovesEverything() throws {
    let training = try Training<Double>(
      "lookahead(k=2, alpha=0.5, schedulefree(momentum=0.5, sgd(lr=1)))", start: 8)
    for _ in 1...2 { try training.step([[1]]) }
    // y = 6.25 is pulled halfway to 8, by 0.875.
    #expect(training.tensors[0].values == [7.125])
    try training.step([[1]])
    #expect((training.state("w/base.z")[0] - (6 + 0.875 - 1)).magnitude < 1e-14)
    let x = 6.5 + 0.875
    #expect((training.state("w/base.x")[0] - (x + (5.875 - x) / 3)).magnitude < 1e-14)
  }

  @Test func alphaOneAboveChangesNothing() throws {
    let start: [Float] = mixedValues(stream: 1, count: 3000)
    let plain = try Training("schedulefree(adam)", [Tensor("w", start)])
    let wrapped = try Training("lookahead(k=2, alpha=1, schedulefree(adam))", [Tensor("w", start)])
    for step in 1...6 {
      for training in [plain, wrapped] { try training.step([mixedValues(stream: 10 + step, count: 3000)]) }
      #expect(digest(plain.tensors[0].values) == digest(wrapped.tensors[0].values))
    }
  }

  /// A base that moves parameters without a gradient: its sync acts at z.
  @Test func aSyncBelowActsAtTheBasesPoint() throws {
    let training = try Training<Double>(
      "schedulefree(momentum=0.5, lookahead(k=2, alpha=0.5, sgd(lr=1)))",
      [Tensor("w", [8]), Tensor("idle", [8])])
    try training.step([[1], [1]])
    try training.step([[1], nil])
    #expect(training.state("w/z") == [7] && training.state("idle/z") == [7.5])
    // Without a gradient nothing is averaged.
    #expect(training.state("idle/x") == [7])
    #expect(training.tensors[1].values == [7.25])
  }

  /// Plain SGD without a schedule keeps bouncing; the average of its path closes in on the minimum.
  @Test func theAverageConvergesWhereTheBaseDoesNot() throws {
    let training = try Training<Double>(
      "schedulefree(sgd(lr=0.5))", [Tensor("w", [Double](repeating: 3, count: 400))])
    for step in 1...400 {
      try training.step {
        let noise: [Double] = mixedValues(stream: 1000 + step, count: 400)
        return (.nan, [zip(training.tensors[0].values, noise).map { $0 + 4 * $1 }])
      }
    }
    func deviation(_ values: [Double]) -> Double {
      (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    }
    let (x, z) = (deviation(training.state("w/x")), deviation(training.state("w/z")))
    #expect(x < 0.15 && z > 4 * x, "\(x), \(z)")
  }
}
