// Steps with several evaluations of the loss: who asks, who sees what, and what is refused.

import OptimizerHost
import TestSupport
import Testing

@Suite struct PassTests {
  private func stranger(_ optimizer: String) throws -> String {
    "\(try foreignPlugin("passes")):\(optimizer)"
  }

  /// Takes a step on the loss p²/2, whose gradient is p.
  @discardableResult
  private func step(_ training: Training<Double>, clippingNorm: Double? = nil, scale: Double = 1) throws
    -> Int
  {
    var evaluations = 0
    try training.step(clippingNorm: clippingNorm, scale: scale) {
      evaluations += 1
      let weights = training.tensors.map(\.values)
      return (weights.joined().reduce(0) { $0 + $1 * $1 / 2 }, weights)
    }
    return evaluations
  }

  private func start() -> [Tensor<Double>] {
    [Tensor("a", mixedValues(stream: 1, count: 20_000)), Tensor("b", [2, -1])]
  }

  /// The stranger descends in every pass, so one step of his is four of gradient descent.
  @Test(arguments: [1, 2]) func theLossIsEvaluatedThreeTimesMore(threads: Int) throws {
    let training = try Training(stranger("thrice"), start(), threads: threads, pieceElements: 1000)
    let plain = try Training("sgd(lr=0.1)", start())
    for _ in 1...2 {
      #expect(try step(training) == 4)
      for _ in 1...4 { try step(plain) }
      for (a, b) in zip(training.tensors, plain.tensors) {
        let difference = zip(a.values, b.values).map { ($0 - $1).magnitude }.max() ?? 1
        #expect(difference < 1e-15)
      }
    }
    #expect(training.optimizer.stepCount == 2)
  }

  @Test func theVerdictMayDependOnTheLoss() throws {
    // 8, then (3 - 0.3)²/2 and so on: 4.5, 3.65, 2.95, 2.39, 1.94, 1.57, 1.27, 1.03, 0.83.
    let training = try Training<Double>(stranger("until"), [Tensor("w", [3])])
    #expect(try step(training) == 9)
  }

  /// A wrapper that knows nothing of passes sees its segments once, when its base is done.
  @Test func aWrapperWithoutEveryPhaseSeesTheLastCall() throws {
    let training = try Training<Double>("\(stranger("once"))(\(stranger("thrice")))", [Tensor("w", [3])])
    for number in 1...3 {
      #expect(try step(training) == 4)
      #expect(training.state("w/seen") == [Double(number)])
      #expect(training.state("w/last") == [Double(number)])
      // The first call of the four is not the one that it sees.
      #expect(training.state("w/first") == [0])
    }
  }

  @Test func aWrapperOfEveryPhaseKnowsWhereItIs() throws {
    let training = try Training<Double>("\(stranger("every"))(\(stranger("thrice")))", [Tensor("w", [3])])
    try step(training)
    #expect(training.state("w/seen") == [4])
    #expect(training.state("w/first") == [1])
    #expect(training.state("w/last") == [1])
    // Over SAM: two phases in each of two passes.
    let sam = try Training<Double>("\(stranger("every"))(sam(sgd))", [Tensor("w", [3])])
    try step(sam)
    #expect(sam.state("w/seen") == [4])
    // Below SAM: the one call in which SAM's base works.
    let below = try Training<Double>("sam(\(stranger("every"))(sgd))", [Tensor("w", [3])])
    try step(below)
    #expect(below.state("w/base.seen") == [1])
    #expect(below.state("w/base.first") == [1] && below.state("w/base.last") == [1])
  }

  @Test func lookaheadOverPassesSyncsOncePerStep() throws {
    let training = try Training<Double>("lookahead(k=2, alpha=0.5, \(stranger("thrice"))(lr=0.5))", start: 16)
    try step(training)
    #expect(training.tensors[0].values == [1])
    try step(training)
    // Halfway back from 1/16 to 16.
    #expect(training.tensors[0].values == [8.03125])
  }

  @Test func askingWithoutTheCapabilityIsRefused() throws {
    let training = try Training(stranger("sly"), start())
    #expect(
      message { try step(training) }.contains("asks for the loss again without OPTPLUG_CAPABILITY_REEVALUATE")
    )
  }

  @Test func anUnknownVerdictIsRefused() throws {
    let training = try Training(stranger("confused"), start())
    #expect(message { try step(training) }.contains("it answers the unknown verdict 77"))
  }

  @Test func askingForEverEnds() throws {
    let training = try Training<Double>(stranger("forever"), [Tensor("w", [1])])
    var evaluations = 0
    let text = message {
      try training.step {
        evaluations += 1
        return (0, [[1]])
      }
    }
    #expect(text.contains("forever") && text.contains("asked for the loss 1000 times in one step"), "\(text)")
    #expect(evaluations == 1000)
  }

  @Test(arguments: ["sam(sgd)", "lookahead(sam(adamw))", "sam(sam(sgd))"])
  func aStepWithoutReevaluateSaysWhatToDo(expression: String) throws {
    let training = try Training<Double>(expression, start())
    #expect(training.optimizer.mayReevaluate)
    let before = training.tensors.map(\.values)
    let text = message { try training.step([mixedValues(stream: 3, count: 20_000), [1, 1]]) }
    #expect(text.contains("evaluates the loss several times in a step; hand `reevaluate` to step"), "\(text)")
    #expect(training.tensors.map(\.values) == before && training.optimizer.stepCount == 0)
  }

  @Test func anErrorOfTheTrainerComesThrough() throws {
    struct Stop: Error {}
    let training = try Training<Double>("sam(sgd)", start: 1)
    let gradient = Tensor<Double>("gradient", [1])
    #expect(throws: Stop.self) {
      try training.optimizer.step(gradients: [gradient.pointer], reevaluate: { throw Stop() })
    }
  }

  /// Every evaluation is clipped by its own norm.
  @Test func clippingHoldsInEachPass() throws {
    let training = try Training<Double>("\(stranger("thrice"))(lr=1)", [Tensor("w", [30, 40])])
    try step(training, clippingNorm: 5)
    // Along (0.6, 0.8): 50 - 4 · 5, but for the 1e-6 beside the norm.
    #expect((training.tensors[0].values[0] - 18).magnitude < 1e-5)
    #expect((training.tensors[0].values[1] - 24).magnitude < 1e-5)
  }
}

/// The message of what `body` throws; empty when it throws nothing.
private func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch { return "\(error)" }
}
