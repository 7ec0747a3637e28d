// The programs that the host makes of formulas, against the optimizers' own code: every bit of every step.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// One tree at least for every way through the formula of every optimizer that has one.
private let leaves = [
  "sgd(lr=0.1)", "sgd(lr=0.1, weight_decay=0.01, maximize=true)", "sgd(lr=0.1, momentum=0.9, dampening=0.1)",
  "sgd(lr=0.1, momentum=0.9, nesterov=true, weight_decay=0.01)", "adam(lr=0.01)",
  "adam(lr=0.01, beta1=0.3, weight_decay=0.1, amsgrad=true)", "adamw", "adamw(amsgrad=true, maximize=true)",
  "lion(weight_decay=0.1)", "lion(maximize=true)", "rmsprop", "rmsprop(momentum=0.9)",
  "rmsprop(centered=true)",
  "rmsprop(momentum=0.9, centered=true, weight_decay=0.1)",
  "adagrad(lr_decay=0.1, initial_accumulator_value=0.1)", "nadam(weight_decay=0.1)",
  "nadam(weight_decay=0.1, decoupled_weight_decay=true)", "radam(weight_decay=0.1, beta2=0.8)",
  "radam(decoupled_weight_decay=true, weight_decay=0.1)",
]

private let wrapped =
  leaves.map { "lookahead(k=3, \($0))" } + [
    "lookahead(k=2, alpha=0, adamw)", "lookahead(k=2, alpha=1, adamw)", "lookahead(k=2, init=lazy, adamw)",
    "lookahead(k=3, momentum=pullback, adam(lr=0.01))", "lookahead(k=2, momentum=reset_all, adamw)",
    "lookahead(k=4, momentum=reset, lookahead(k=2, sgd(lr=0.1, momentum=0.9)))",
    "ema(decay=0.9, warmup=true, every=2, start=2, nadam)", "lookahead(k=3, ema(mode=swa, radam))",
    "ema(decay=0.5, lookahead(k=2, momentum=reset, lion))", "schedulefree(adamw(beta1=0))",
    "schedulefree(warmup_steps=3, sgd(lr=0.1))", "lookahead(k=2, schedulefree(momentum=0.7, sgd(lr=0.1)))",
    "schedulefree(lookahead(k=2, momentum=pullback, adam))",
  ]

@Suite struct FormulaTests {
  private let course = Course(shapes: [[1003], [1], [17], [64], [0], [5, 7]], steps: 7)

  /// Steps one training by the plugin's code and another by interpreted programs.
  private func expectSameBits<T: BitPatterned>(_ expression: String, _: T.Type) throws {
    let plain = try course.make(expression, threads: 1, pieceElements: 8192, T.self)
    let fused = try course.make(expression, threads: 1, pieceElements: 8192, T.self)
    let fusion = try Fusion(fused.optimizer)
    try expectSameBits(expression, plain, fused) {
      try fused.optimizer.step(gradients: $0, gradientScale: $1, by: fusion)
    }
  }

  /// Steps one training by the plugin's code and another by compiled programs, cut into small pieces.
  private func expectSameBitsCompiled<T: BitPatterned>(_ expression: String, _: T.Type) throws {
    let plain = try course.make(expression, threads: 1, pieceElements: 8192, T.self)
    let fused = try course.make(
      expression, threads: 1, pieceElements: 300, compiler: Programs.compiler, T.self)
    try expectSameBits(expression, plain, fused) {
      try fused.optimizer.step(gradients: $0, gradientScale: $1)
    }
    #expect(fused.optimizer.usesPrograms && fused.optimizer.programProblem == nil)
  }

  private func expectSameBits<T: BitPatterned>(
    _ expression: String, _ plain: Training<T>, _ fused: Training<T>,
    step: ([UnsafeRawPointer?], Double) throws -> Void
  ) throws {
    for number in 1...course.steps {
      try course.step(plain, number)
      let gradients: [Tensor<T>?] = fused.tensors.indices.map { i in
        (number + i) % 4 == 0
          ? nil : Tensor("g", mixedValues(stream: 1000 + 16 * number + i, count: fused.tensors[i].count))
      }
      try withExtendedLifetime(gradients) { try step(gradients.map { $0?.pointer }, number == 3 ? 0.3 : 1) }
      #expect(bits(fused) == bits(plain), "\(expression), step \(number)")
      #expect(fused.optimizer.state() == plain.optimizer.state(), "\(expression), step \(number)")
    }
  }

  @Test(arguments: leaves + wrapped) func interpretedBitForBit(expression: String) throws {
    try expectSameBits(expression, Float.self)
    try expectSameBits(expression, Double.self)
  }

  /// The C that the host writes, as a compiler makes it code: with vectors, and with fused multiply-adds at hand that it
  /// must not use but where they are asked for.
  @Test(arguments: leaves + wrapped) func compiledBitForBit(expression: String) throws {
    try expectSameBitsCompiled(expression, Float.self)
    try expectSameBitsCompiled(expression, Double.self)
  }

  /// A wrapper's bases see another gradient than it sees itself, before they work and after; nested, each another.
  @Test func aChangedGradientIsForTheBasesAlone() throws {
    let plugin = try CPlugin.compile(
      source: Repository.file("Tests/PluginTests/Foreign/halving.c"), flags: ["-O2", "-ffp-contract=off"])
    let halving = "\"\(plugin.path)\""
    for expression in [
      "\(halving)(adamw)", "\(halving)(\(halving)(sgd(momentum=0.9)))", "lookahead(k=2, \(halving)(lion))",
      "\(halving)(schedulefree(sgd))",
    ] { try expectSameBits(expression, Float.self) }
  }

  /// A stranger's optimizer whose list uses every operation, interpreted and as C.
  @Test func everyOperation() throws {
    let plugin = try CPlugin.compile(
      source: Repository.file("Tests/PluginTests/Foreign/operations.c"), flags: ["-O2", "-ffp-contract=off"])
    for expression in ["\"\(plugin.path)\"(lr=0.3)", "lookahead(k=2, \"\(plugin.path)\"(lr=0.01))"] {
      try expectSameBits(expression, Float.self)
      try expectSameBits(expression, Double.self)
      try expectSameBitsCompiled(expression, Float.self)
      try expectSameBitsCompiled(expression, Double.self)
    }
  }

  /// Values on which comparisons, signs and roots have edges.
  @Test(arguments: leaves + wrapped) func edges(expression: String) throws {
    let values: [Float] = [
      0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNormalMagnitude, 1e-30,
      -3e38, 3e38,
    ]
    let pairs = values.flatMap { p in values.map { (p, $0) } }
    let (plain, fused) = (
      try Training(expression, [Tensor("w", pairs.map(\.0))]),
      try Training(expression, [Tensor("w", pairs.map(\.0))])
    )
    let fusion = try Fusion(fused.optimizer)
    let gradient = Tensor("g", pairs.map(\.1))
    for _ in 1...4 {
      try plain.step([gradient.values])
      try fused.optimizer.step(gradients: [gradient.pointer], by: fusion)
      for (i, (a, b)) in zip(plain.tensors[0].values, fused.tensors[0].values).enumerated() {
        // The payload and sign of what is not a number are the compiler's.
        #expect(a.isNaN && b.isNaN || a.bitPattern == b.bitPattern, "\(expression), \(pairs[i])")
      }
    }
  }

  @Test(arguments: [
    ("lars", "lars"), ("lookahead(lamb)", "lamb"), ("adam8bit", "adam8bit"), ("sam(sgd)", "sam"),
    ("gradient-centralization(sgd)", "gradient-centralization"), ("adafactor", "adafactor"),
    ("muon(adamw)", "muon"),
  ]) func treesWithoutFormulaSaySo(_ expression: String, _ name: String) throws {
    let training = try Training(expression, [Tensor<Float>("w", [1, 2], shape: [1, 2])])
    #expect {
      try Fusion(training.optimizer)
    } throws: {
      ($0 as? OptimizerError).map { "\($0)" }?.hasPrefix("formula of '\(name)': it has none") == true
    }
  }
}
