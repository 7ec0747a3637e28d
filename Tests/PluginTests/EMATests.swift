// EMA walked by hand: both averages, warm-up, schedule, and what is seen when evaluating.

import OptimizerHost
import TestSupport
import Testing

@Suite struct EMATests {
  /// The average after each step of a constant gradient of 1 at lr 1: weights 8, 7, 6, …
  private func walk(_ options: String, steps: Int = 6) throws -> [Double] {
    let training = try Training<Double>("ema(\(options), sgd(lr=1))", start: 8)
    return try (1...steps).map { step in
      try training.step([[1]])
      #expect(training.tensors[0].values == [8 - Double(step)], "the base never sees the average")
      return try #require(training.state("w/ema").first)
    }
  }

  @Test func startsAtTheInitialWeights() throws {
    #expect(try walk("decay=0.5") == [7.5, 6.75, 5.875, 4.9375, 3.96875, 2.984375])
  }

  @Test func averagesEveryFewStepsFromAStep() throws {
    // The average is the weight 6 of step 2, then takes those of steps 4 and 6.
    #expect(try walk("decay=0.5, every=2, start=2") == [8, 6, 6, 5, 5, 3.5])
  }

  @Test func equalWeightsGiveTheMean() throws {
    let averages = try walk("mode=swa")
    for (i, average) in averages.enumerated() {
      #expect((average - (8 - Double(i + 1) / 2)).magnitude < 1e-14)
    }
    // Of the weights 6, 3 and 0 after steps 2, 5 and 8.
    #expect(try (walk("mode=swa, every=3, start=2", steps: 8).last.map { ($0 - 3).magnitude } ?? 1) < 1e-15)
  }

  @Test func warmsUp() throws {
    // Decays 2/11, 3/12, then 0.25 for good.
    let first = 8 * 2.0 / 11 + 7 * 9.0 / 11
    let second = first * 0.25 + 6 * 0.75
    let third = second * 0.25 + 5 * 0.75
    for (average, expected) in zip(try walk("decay=0.25, warmup=true", steps: 3), [first, second, third]) {
      #expect((average - expected).magnitude < 1e-14)
    }
  }

  @Test func decayOneNeverMoves() throws {
    #expect(try walk("decay=1", steps: 3) == [8, 8, 8])
    let training = try Training<Float>("ema(decay=1, sgd(lr=1))", start: 2)
    try training.step([[-.infinity]])
    #expect(training.state("w/ema") == [2])
  }

  @Test func decayZeroCopiesEvenInfinity() throws {
    let training = try Training<Float>("ema(decay=0, sgd(lr=1))", start: 2)
    try training.step([[-.infinity]])
    #expect(training.state("w/ema") == [.infinity])
  }

  @Test func everyParameterIsAveraged() throws {
    let training = try Training<Double>("ema(decay=0.5, sgd(lr=1))", [Tensor("a", [4]), Tensor("b", [4])])
    try training.step([[1], [1]])
    try training.step([[1], nil])
    #expect(training.state("a/ema") == [2.75])
    #expect(training.state("b/ema") == [3.25])
  }

  @Test func evaluationSeesTheAverageOnceThereIsOne() throws {
    let training = try Training<Double>("ema(decay=0.5, start=2, sgd(lr=1))", start: 8)
    var seen: [Double] = []
    for _ in 1...4 {
      try training.step([[1]])
      try training.optimizer.withEvaluationWeights { seen.append(training.tensors[0].values[0]) }
    }
    #expect(seen == [7, 6, 5.5, 4.75])
    #expect(training.tensors[0].values == [4])
  }

  @Test func changesHoldFromTheNextStep() throws {
    let training = try Training<Double>("ema(decay=0.5, sgd(lr=1))", start: 8)
    try training.step([[1]])
    try training.optimizer.set("decay", to: 0.75)
    try training.step([[1]])
    #expect(training.state("w/ema") == [0.75 * 7.5 + 0.25 * 6])
    try training.optimizer.set("every", to: 4)
    try training.step([[1]])
    #expect(training.state("w/ema") == [0.75 * 7.5 + 0.25 * 6])
    // The n-th averaging is what the values in force make of the step: the first of every=4.
    try training.optimizer.set("mode", to: 1)
    try training.step([[1]])
    #expect(training.state("w/ema") == [((0.75 * 7.5 + 0.25 * 6) + 4) / 2])
  }

  /// Over any base the weights are those of the base alone, and the outermost view is what evaluation sees.
  @Test func composes() throws {
    for base in ["adam(lr=0.1)", "lookahead(k=2, adam(lr=0.1))"] {
      let plain = try Training<Float>(base, [Tensor("w", mixedValues(stream: 1, count: 3000))])
      let wrapped = try Training<Float>("ema(\(base))", [Tensor("w", mixedValues(stream: 1, count: 3000))])
      for step in 1...5 {
        try plain.step([mixedValues(stream: 100 + step, count: 3000)])
        try wrapped.step([mixedValues(stream: 100 + step, count: 3000)])
        #expect(digest(plain.tensors[0].values) == digest(wrapped.tensors[0].values))
      }
      try wrapped.optimizer.withEvaluationWeights {
        #expect(digest(wrapped.tensors[0].values) != digest(plain.tensors[0].values))
      }
    }
    let inside = try Training<Double>("lookahead(k=2, alpha=0.5, ema(decay=0.5, sgd(lr=1)))", start: 8)
    for _ in 1...3 { try inside.step([[1]]) }
    // Weights 7, 6 pulled to 7, 6; the average is taken before the pull: 7.5, 6.75, 6.375.
    #expect(inside.state("w/base.ema") == [6.375])
    try inside.optimizer.withEvaluationWeights { #expect(inside.tensors[0].values == [7]) }
  }
}
