// The bits of a step do not depend on threads, on the length of pieces, or on where training was interrupted.

import OptimizerHost
import TestSupport
import Testing

private let trees =
  [
    "sgd(lr=0.1, momentum=0.9, nesterov=true, weight_decay=0.01)",
    "adam(lr=0.01, weight_decay=0.1, amsgrad=true)",
    "adamw", "lookahead(k=3, adam(lr=0.01))", "lookahead(k=2, init=lazy, adamw)",
    "lookahead(k=3, momentum=pullback, adam(lr=0.01))", "lookahead(k=2, momentum=reset_all, adamw)",
    "lookahead(k=4, momentum=reset, lookahead(k=2, sgd(lr=0.1, momentum=0.9)))",
    "lion(weight_decay=0.1)", "lookahead(k=3, momentum=pullback, lion)",
    "rmsprop(momentum=0.9, centered=true)",
    "lookahead(k=3, momentum=reset, rmsprop(momentum=0.9, centered=true))",
    "lookahead(k=3, rmsprop)", "adagrad(lr_decay=0.1, initial_accumulator_value=0.1)",
    "lookahead(k=3, momentum=reset_all, adagrad(initial_accumulator_value=0.1))",
    "nadam(weight_decay=0.1, decoupled_weight_decay=true)", "lookahead(k=3, momentum=pullback, nadam)",
    "radam(weight_decay=0.1, beta2=0.9)", "lookahead(k=3, momentum=reset_all, radam(beta2=0.8))",
    "ema(decay=0.9, warmup=true, every=2, start=2, nadam)", "lookahead(k=3, ema(mode=swa, radam))",
    "ema(decay=0.5, lookahead(k=2, momentum=reset, lion))",
  ] + collecting

/// Trees in which numbers are reduced over tensors, or kept for blocks of elements.
private let collecting = [
  "lars(lr=5, weight_decay=0.1)", "lookahead(k=2, momentum=pullback, lars(nesterov=true))",
  "lamb(lr=0.05, clamp=10)", "lookahead(k=3, momentum=reset_all, lamb(lr=0.05))",
  "ema(decay=0.5, lookahead(k=2, lamb(lr=0.05, adapt_vectors=false)))",
  "adam8bit(min_8bit_size=1000, weight_decay=0.1)",
  "lookahead(k=3, momentum=reset, adam8bit(min_8bit_size=0))", "ema(decay=0.9, adam8bit)",
]

@Suite struct InvarianceTests {
  private let course = Course(shapes: [[40_001], [1], [17], [5_000], [0], [64]], steps: 7)
  private let cuts = [(1, 1000), (2, 8192), (3, 777), (4, 64), (2, 1 << 30)]

  @Test(arguments: trees) func sameForAnyThreadsAndPieces(expression: String) throws {
    try course.expectSameBits(expression, cuts: cuts, Float.self)
    try course.expectSameBits(expression, cuts: cuts, Double.self)
  }

  @Test(arguments: collecting) func sameForTinyPieces(expression: String) throws {
    let reference = try course.make(expression, threads: 1, pieceElements: 8192, Float.self)
    let others = try [(1, 1), (2, 1), (2, 100), (2, 8192), (1, 4096)].map {
      try course.make(expression, threads: $0.0, pieceElements: $0.1, Float.self)
    }
    for number in 1...4 {
      for training in [reference] + others { try course.step(training, number) }
    }
    for other in others {
      #expect(bits(other) == bits(reference))
      #expect(other.optimizer.state() == reference.optimizer.state())
    }
  }

  /// Interrupted after every possible step, in the middle of Lookahead's cycle too, and restored into new memory.
  @Test(arguments: trees) func continuesBitForBitAfterRestore(expression: String) throws {
    try course.expectToResume(expression, from: 0)
  }

  /// A scale is the same as gradients multiplied beforehand.
  @Test(arguments: trees) func gradientScaleMultiplies(expression: String) throws {
    let scaled = try Training<Float>(expression, [Tensor("w", mixedValues(stream: 1, count: 3000))])
    let multiplied = try Training<Float>(expression, [Tensor("w", mixedValues(stream: 1, count: 3000))])
    for number in 1...5 {
      let gradient: [Float] = mixedValues(stream: 50 + number, count: 3000)
      try scaled.step([gradient], scale: 0.37)
      try multiplied.step([gradient.map { $0 * Float(0.37) }])
    }
    #expect(bits(scaled) == bits(multiplied))
  }
}
