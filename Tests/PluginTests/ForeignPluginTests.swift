// Plugins in C from strangers: alone, as a base of Lookahead, as a wrapper, and with every granularity.

import OptimizerHost
import TestSupport
import Testing

func foreignPlugin(_ name: String, _ flags: [String] = []) throws -> String {
  try CPlugin.compile(source: Repository.file("Tests/PluginTests/Foreign/\(name).c"), flags: ["-O2"] + flags)
    .path
}

@Suite struct ForeignPluginTests {
  /// The stranger's formula in the same order of operations, for one weight.
  private struct HeavyBall {
    var p: Float
    var v: Float = 0
    mutating func step(_ g: Float) {
      v = 0.9 * v + g
      p -= Float(0.1) * v
    }
  }

  @Test func aStrangersOptimizerTrains() throws {
    let start: [Float] = mixedValues(stream: 1, count: 30_000)
    let training = try Training<Float>(
      foreignPlugin("heavyball"), [Tensor("w", start)], threads: 2, pieceElements: 1000)
    var expected = start.map { HeavyBall(p: $0) }
    for step in 1...5 {
      let gradient: [Float] = mixedValues(stream: 10 + step, count: start.count)
      try training.step([gradient])
      for i in expected.indices { expected[i].step(gradient[i]) }
    }
    #expect(training.tensors[0].values == expected.map(\.p))
    #expect(training.state("w/velocity") == expected.map(\.v))
  }

  /// It does not scale gradients, so the host does, in 32-bit arithmetic and without touching the trainer's.
  @Test func theHostScalesForIt() throws {
    let start: [Float] = mixedValues(stream: 1, count: 20_000)
    let (scaled, plain) = (
      try Training<Float>(
        foreignPlugin("heavyball"), [Tensor("w", start), Tensor("b", [1])], threads: 2, pieceElements: 999),
      try Training<Float>(foreignPlugin("heavyball"), [Tensor("w", start), Tensor("b", [1])])
    )
    for step in 1...4 {
      let gradient: [Float] = mixedValues(stream: 10 + step, count: start.count)
      let bias: [Float]? = step == 2 ? nil : [0.3]
      try scaled.step([gradient, bias], scale: 0.7)
      try plain.step([gradient.map { $0 * Float(0.7) }, bias.map { $0.map { $0 * Float(0.7) } }])
    }
    #expect(scaled.tensors.map(\.values) == plain.tensors.map(\.values))
  }

  @Test func lookaheadComposesWithIt() throws {
    let base = try foreignPlugin("heavyball")
    let training = try Training<Float>("lookahead(k=2, alpha=0.5, \(base)(lr=0.1))", start: 1)
    var ball = HeavyBall(p: 1)
    ball.step(1)
    ball.step(1)
    for _ in 1...2 { try training.step([[1]]) }
    #expect(training.tensors[0].values == [1 + (ball.p - 1) * 0.5])
    #expect(training.optimizer.optimizers.map(\.name) == ["lookahead", "heavyball"])
    #expect(training.optimizer.state().contains { $0.name == "w/base.velocity" })
    try training.optimizer.set("mu", to: 0)
    #expect(try training.optimizer.value(of: "base.mu") == 0)
  }

  /// By the declared role, whatever the stranger calls his slot.
  @Test(arguments: [("reset", [Float(0)]), ("pullback", [0.95])])
  func lookaheadFindsItsMomentum(mode: String, velocity: [Float]) throws {
    let training = try Training<Float>(
      "lookahead(k=2, alpha=0.5, momentum=\(mode), \(foreignPlugin("heavyball")))", start: 1)
    for _ in 1...2 { try training.step([[1]]) }
    #expect(training.state("w/base.velocity") == velocity)
  }

  @Test func aTypeItDoesNotTakeIsRefused() throws {
    let path = try foreignPlugin("heavyball")
    #expect {
      try Training<Double>(path, start: 1)
    } throws: {
      "\($0)" == "parameters: 'heavyball' does not take float64, the type of 'w'"
    }
  }

  /// The stranger's wrapper averages the weights under Adam, and under Lookahead over Adam.
  @Test(arguments: ["adam(lr=0.1)", "lookahead(k=2, adam(lr=0.1))"]) func aStrangersWrapperWorks(base: String)
    throws
  {
    let path = try foreignPlugin("polyak")
    let plain = try Training<Double>(base, [Tensor("w", [1, 2]), Tensor("idle", [5])])
    let wrapped = try Training<Double>("\(path)(\(base))", [Tensor("w", [1, 2]), Tensor("idle", [5])])
    var sum = [1.0, 2.0]
    for step in 1...6 {
      let gradient: [Double] = mixedValues(stream: step, count: 2)
      try plain.step([gradient, nil])
      try wrapped.step([gradient, nil])
      #expect(wrapped.tensors.map(\.values) == plain.tensors.map(\.values))
      for i in 0..<2 { sum[i] += plain.tensors[0].values[i] }
    }
    try wrapped.optimizer.withEvaluationWeights {
      for i in 0..<2 { #expect((wrapped.tensors[0].values[i] - sum[i] / 7).magnitude < 1e-12) }
      #expect(wrapped.tensors[1].values == [5])
    }
    #expect(wrapped.tensors.map(\.values) == plain.tensors.map(\.values))
    #expect(
      wrapped.optimizer.state().contains { $0.name == "w/inner.exp_avg" || $0.name == "w/inner.base.exp_avg" }
    )
  }

  @Test func lookaheadOverAStrangersWrapper() throws {
    let training = try Training<Double>(
      "lookahead(k=1, alpha=0.5, \(foreignPlugin("polyak"))(sgd(lr=1)))", start: 4)
    try training.step([[1]])
    #expect(training.tensors[0].values == [3.5])
    #expect(training.state("w/base.average") == [3.5])
    // The outermost wrapper's weights are those to evaluate.
    try training.optimizer.withEvaluationWeights {
      #expect(training.tensors[0].values == training.state("w/base.average"))
    }
  }

  /// Each tensor moves by its own unit vector, wherever the host would have liked to cut.
  @Test func wholeTensors() throws {
    let big: [Double] = mixedValues(stream: 1, count: 50_000)
    let training = try Training<Double>(
      foreignPlugin("normalized"), [Tensor("big", big), Tensor("small", [1, 1])], threads: 2,
      pieceElements: 100)
    try training.step([[Double](repeating: 3, count: 50_000), [3, 4]])
    #expect(zip(training.tensors[1].values, [0.4, 0.2]).allSatisfy { ($0 - $1).magnitude < 1e-15 })
    let move = 1 / 50_000.0.squareRoot()
    #expect(zip(training.tensors[0].values, big).allSatisfy { ($0 - ($1 - move)).magnitude < 1e-12 })
    #expect(calls(training, "small")[0] == 8)
  }

  /// In groups or over the model, one call sees all tensors that have a gradient.
  @Test(arguments: [
    ("GROUP", [5.0, 5.0, 13.0], [2, 1]),
    ("MODEL", [13.928388277184119, 13.928388277184119, 13.928388277184119], [3, 3]),
  ])
  func wholeGroups(granularity: String, norms: [Double], segments: [Int]) throws {
    let path = try foreignPlugin("normalized", ["-DGRANULARITY=OPTPLUG_GRANULARITY_\(granularity)"])
    let training = try Training<Double>(
      "lookahead(k=9, \(path))",
      [Tensor("a", [0]), Tensor("b", [0]), Tensor("c", [0, 0], group: 1), Tensor("idle", [0])],
      groups: [ParameterGroup(name: "first"), ParameterGroup(name: "second")], threads: 2, pieceElements: 1)
    try training.step([[3], [4], [5, 12], nil])
    let moves = training.tensors.map { $0.values[0] }
    #expect(
      zip(moves, [-3 / norms[0], -4 / norms[1], -5 / norms[2], 0]).allSatisfy { ($0 - $1).magnitude < 1e-15 })
    #expect(calls(training, "a", "base.") == [8, segments[0]])
    #expect(calls(training, "c", "base.") == [8, segments[1]])
    #expect(calls(training, "idle", "base.") == [7, 7])
  }

  /// The stranger's own slot: int32, two elements, starting at 7.
  private func calls(_ training: Training<Double>, _ name: String, _ path: String = "") -> [Int] {
    training.optimizer.state().first { $0.name == "\(name)/\(path)calls" }.map { tensor in
      tensor.bytes.withUnsafeBytes { $0.bindMemory(to: Int32.self).map(Int.init) }
    } ?? []
  }

  @Test func itsStateIsSavedAndRestored() throws {
    let path = try foreignPlugin("normalized")
    let whole = try Training<Double>(path, [Tensor("w", [1, 2, 3])])
    for step in 1...3 { try whole.step([mixedValues(stream: step, count: 3)]) }
    let resumed = try Training<Double>(path, [Tensor("w", whole.tensors[0].values)])
    try resumed.optimizer.restore(whole.optimizer.state())
    for training in [whole, resumed] { try training.step([mixedValues(stream: 4, count: 3)]) }
    #expect(whole.tensors[0].values == resumed.tensors[0].values)
    #expect(whole.optimizer.state() == resumed.optimizer.state())
    #expect(calls(resumed, "w") == [11, 1])
  }
}
