// Lookahead walked by hand: the paper's Algorithm 1, its edge cases, and Lookahead over Lookahead.

import OptimizerHost
import TestSupport
import Testing

@Suite struct LookaheadTests {
  /// The weight after each step of a constant gradient of 1.
  private func walk(_ expression: String, from start: Double, steps: Int) throws -> [Double] {
    let training = try Training<Double>(expression, start: start)
    return try (0..<steps).map { _ in
      try training.step([[1]])
      return training.tensors[0].values[0]
    }
  }

  private func isNear(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { ($0 - $1).magnitude < 1e-12 }
  }

  @Test func slowWeightsStartAtTheInitialOnes() throws {
    let walk = try walk("lookahead(k=5, alpha=0.5, sgd(lr=0.1))", from: 1, steps: 10)
    #expect(isNear(walk, [0.9, 0.8, 0.7, 0.6, 0.75, 0.65, 0.55, 0.45, 0.35, 0.5]))
  }

  @Test func lazySlowWeightsStartAtTheFirstSync() throws {
    let walk = try walk("lookahead(k=5, alpha=0.5, init=lazy, sgd(lr=0.1))", from: 1, steps: 10)
    #expect(isNear(walk, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.25]))
  }

  /// The walk of optax's own test of its lookahead.
  @Test func optaxWalk() throws {
    let walk = try walk("lookahead(k=3, alpha=0.3333333333333333, sgd(lr=1))", from: 3, steps: 6)
    #expect(isNear(walk, [2, 1, 2, 1, 0, 1]))
  }

  @Test func alphaZeroReturnsToTheStartAtEverySync() throws {
    let training = try Training<Float>(
      "lookahead(k=4, alpha=0, adam(lr=0.3))", [Tensor("w", mixedValues(stream: 1, count: 999))])
    let start = training.tensors[0].values
    for step in 1...12 {
      try training.step([mixedValues(stream: 100 + step, count: 999)])
      #expect((training.tensors[0].values == start) == (step % 4 == 0))
    }
  }

  @Test func alphaZeroReturnsEvenFromInfinity() throws {
    let training = try Training<Float>("lookahead(k=1, alpha=0, sgd(lr=1))", start: 2)
    try training.step([[-.infinity]])
    #expect(training.tensors[0].values == [2])
  }

  @Test(arguments: [
    "sgd(lr=0.1, momentum=0.9)", "adam(lr=0.01)", "adamw(amsgrad=true)", "lion", "rmsprop(centered=true)",
    "adagrad",
    "nadam", "radam(beta2=0.9)", "ema(decay=0.9, adam)",
  ])
  func alphaOneIsTheBaseBitForBit(base: String) throws {
    let plain = try Training<Float>(base, [Tensor("w", mixedValues(stream: 1, count: 5000))])
    let wrapped = try Training<Float>(
      "lookahead(k=3, alpha=1, \(base))", [Tensor("w", mixedValues(stream: 1, count: 5000))])
    for step in 1...10 {
      let gradient: [Float] = mixedValues(stream: 100 + step, count: 5000)
      try plain.step([gradient])
      try wrapped.step([gradient])
      #expect(digest(plain.tensors[0].values) == digest(wrapped.tensors[0].values))
    }
  }

  @Test func afterKStepsSlowIsBetweenStartAndEnd() throws {
    let start: [Double] = mixedValues(stream: 1, count: 777)
    let fast = try Training<Double>("adam(lr=0.05)", [Tensor("w", start)])
    let slow = try Training<Double>("lookahead(k=6, alpha=0.3, adam(lr=0.05))", [Tensor("w", start)])
    for step in 1...6 {
      let gradient: [Double] = mixedValues(stream: 100 + step, count: 777)
      try fast.step([gradient])
      try slow.step([gradient])
    }
    let expected = zip(start, fast.tensors[0].values).map { $0 + ($1 - $0) * 0.3 }
    #expect(zip(slow.tensors[0].values, expected).allSatisfy { ($0 - $1).magnitude <= 1e-15 })
    #expect(slow.state("w/slow") == slow.tensors[0].values)
  }

  /// Outer k counts steps of the whole, as inner k does: both sync after steps 4 and 8, the outer one only then.
  @Test func lookaheadOverLookahead() throws {
    let walk = try walk(
      "lookahead(k=4, alpha=0.25, lookahead(k=2, alpha=0.5, sgd(lr=1)))", from: 8, steps: 8)
    // Inner slow 8: fast 7, 6, sync to 7; fast 6, 5, sync to 6; outer sync 8 + (6 - 8)/4 = 7.5, inner slow stays 6.
    // Then fast 6.5, 5.5, sync 6 - 0.25; fast 4.75, 3.75, sync 4.75; outer 7.5 + (4.75 - 7.5)/4.
    #expect(isNear(walk, [7, 7, 6, 7.5, 6.5, 5.75, 4.75, 6.8125]))
  }

  /// A parameter without a gradient on the step of a sync is pulled too.
  @Test func everyParameterSyncs() throws {
    let training = try Training<Double>(
      "lookahead(k=2, alpha=0.5, sgd(lr=1))", [Tensor("a", [4]), Tensor("b", [4]), Tensor("never", [4])])
    try training.step([[1], [1], nil])
    try training.step([[1], nil, nil])
    #expect(training.tensors.map(\.values) == [[3], [3.5], [4]])
  }

  @Test func evaluationWeightsAreTheSlowOnes() throws {
    let training = try Training<Float>(
      "lookahead(k=5, alpha=0.5, sgd(lr=0.1))", [Tensor("w", mixedValues(stream: 1, count: 20_000))],
      threads: 2)
    for step in 1...7 { try training.step([mixedValues(stream: 100 + step, count: 20_000)]) }
    let fast = training.tensors[0].values
    let slow = training.state("w/slow")
    #expect(training.optimizer.hasEvaluationWeights)
    try training.optimizer.withEvaluationWeights {
      #expect(training.tensors[0].values == slow)
      #expect(slow != fast)
      #expect(throws: OptimizerError.self) { try training.step([mixedValues(stream: 1, count: 20_000)]) }
    }
    #expect(digest(training.tensors[0].values) == digest(fast))
    #expect(training.state("w/slow") == slow)
    struct Interruption: Error {}
    #expect(throws: Interruption.self) {
      try training.optimizer.withEvaluationWeights { throw Interruption() }
    }
    #expect(digest(training.tensors[0].values) == digest(fast))
  }

  @Test func lazyEvaluationWeightsAreTheFastOnesBeforeTheFirstSync() throws {
    let training = try Training<Double>("lookahead(k=3, init=lazy, sgd(lr=1))", start: 5)
    var seen: [Double] = []
    for _ in 1...4 {
      try training.step([[1]])
      try training.optimizer.withEvaluationWeights { seen.append(training.tensors[0].values[0]) }
    }
    #expect(seen == [4, 3, 2, 2])
  }

  @Test func aBaseWithoutOtherWeightsHasNoEvaluationWeights() throws {
    let training = try Training<Double>("adam", start: 5)
    #expect(!training.optimizer.hasEvaluationWeights)
    #expect(try training.optimizer.withEvaluationWeights { training.tensors[0].values } == [5])
  }
}
