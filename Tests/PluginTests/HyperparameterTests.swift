// Groups, names, live changes and their limits, on the shipped plugins.

import OptimizerHost
import TestSupport
import Testing

@Suite struct HyperparameterTests {
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test func defaultsAreThoseOfTorch() throws {
    let expected = [
      "sgd": "sgd(lr=0.001, momentum=0, dampening=0, weight_decay=0, nesterov=false, maximize=false)",
      "adam":
        "adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0, amsgrad=false, maximize=false)",
      "adamw":
        "adamw(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0.01, amsgrad=false, maximize=false)",
      "rmsprop":
        "rmsprop(lr=0.01, alpha=0.99, eps=1e-08, weight_decay=0, momentum=0, centered=false, maximize=false)",
      "adagrad":
        "adagrad(lr=0.01, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, maximize=false)",
      "nadam": "nadam(lr=0.002, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0, momentum_decay=0.004, "
        + "decoupled_weight_decay=false, maximize=false)",
      "radam":
        "radam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0, decoupled_weight_decay=false, "
        + "maximize=false)",
      // As pytorch-optimizer.
      "lion": "lion(lr=0.0001, beta1=0.9, beta2=0.99, weight_decay=0, maximize=false)",
      // As timm, but for the momentum.
      "lars": "lars(lr=1, momentum=0.9, weight_decay=0, trust_coefficient=0.001, eps=1e-08, nesterov=false, "
        + "adapt_vectors=true, maximize=false)",
      "lamb":
        "lamb(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-06, weight_decay=0.01, clamp=0, bias_correction=true, "
        + "adapt_vectors=true, maximize=false)",
      // As bitsandbytes.
      "adam8bit": "adam8bit(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, weight_decay=0, min_8bit_size=4096, "
        + "maximize=false)",
    ]
    for (name, expression) in expected {
      #expect(try Training<Float>(name, start: 1).optimizer.expression == expression)
    }
    #expect(
      try Training<Float>("lookahead(sgd)", start: 1).optimizer.expression
        == "lookahead(k=5, alpha=0.5, init=copy, momentum=none, \(try #require(expected["sgd"])))")
    #expect(
      try Training<Float>("ema(lion)", start: 1).optimizer.expression
        == "ema(decay=0.999, mode=ema, warmup=false, every=1, start=0, \(try #require(expected["lion"])))")
  }

  @Test func theCanonicalExpressionMakesTheSameOptimizer() throws {
    let expression = try Training<Float>("lookahead(momentum=pullback, adamw(lr=3e-4))", start: 1).optimizer
      .expression
    #expect(try Training<Float>(expression, start: 1).optimizer.expression == expression)
  }

  @Test func groupsHaveTheirOwnValues() throws {
    let training = try Training<Double>(
      "sgd(lr=1)", [Tensor("a", [10]), Tensor("b", [10], group: 1), Tensor("c", [10], group: 2)],
      groups: [
        ParameterGroup(name: "first"), ParameterGroup(name: "second", hyperparameters: ["lr": 0.5]),
        ParameterGroup(name: "third", hyperparameters: ["lr": 0.25, "momentum": 0.5]),
      ])
    for _ in 1...2 { try training.step([[1], [1], [1]]) }
    #expect(training.tensors.map(\.values) == [[8], [9], [10 - 0.25 - 0.25 * 1.5]])
    // Only the third group has a buffer.
    let slots = training.optimizer.state().map(\.name).filter { $0.hasSuffix("momentum_buffer") }
    #expect(slots == ["c/momentum_buffer"])
  }

  @Test func liveChangesTakeEffectOnTheNextStep() throws {
    let training = try Training<Double>(
      "lookahead(k=100, sgd(lr=1))", [Tensor("a", [10]), Tensor("b", [10], group: 1)],
      groups: [ParameterGroup(name: "first"), ParameterGroup(name: "second")])
    try training.step([[1], [1]])
    try training.optimizer.set("lr", to: 0.5)
    try training.step([[1], [1]])
    try training.optimizer.set("base.lr", to: 0.25, group: 1)
    try training.step([[1], [1]])
    #expect(training.tensors.map(\.values) == [[8], [8.25]])
    #expect(try training.optimizer.value(of: "lr", group: 0) == 0.5)
    #expect(try training.optimizer.value(of: "lr", group: 1) == 0.25)
  }

  @Test func liveKMovesTheNextSync() throws {
    let training = try Training<Double>("lookahead(k=4, alpha=0.5, sgd(lr=1))", start: 8)
    try training.step([[1]])
    try training.optimizer.set("k", to: 2)
    try training.step([[1]])
    #expect(training.tensors[0].values == [7])
  }

  @Test func namesResolveToTheNearestFullPath() throws {
    let optimizer = try Training<Float>("lookahead(momentum=reset, sgd(momentum=0.9))", start: 1).optimizer
    #expect(try optimizer.value(of: "momentum") == 1)
    #expect(try optimizer.value(of: "base.momentum") == 0.9)
    #expect(optimizer.hasHyperparameter("weight_decay"))
    #expect(!optimizer.hasHyperparameter("beta1"))
    let nested = try Training<Float>("lookahead(lookahead(sgd))", start: 1).optimizer
    #expect(try nested.value(of: "base.k") == 5)
    #expect(message { _ = try nested.value(of: "base.momentum.x") }.contains("none of that name"))
    let deeper = try Training<Float>("lookahead(lookahead(lookahead(sgd)))", start: 1).optimizer
    #expect(message { _ = try deeper.value(of: "base.alpha") }.isEmpty)
  }

  @Test func misspeltNamesGetASuggestion() throws {
    #expect(
      message { _ = try Training<Float>("adam(weigth_decay=1)", start: 1) }.contains(
        "Did you mean 'weight_decay'?"))
    #expect(message { _ = try Training<Float>("addam", start: 1) }.contains("Did you mean 'adam'?"))
    let training = try Training<Float>("adam", start: 1)
    #expect(message { try training.optimizer.set("Beta1", to: 0.5) }.contains("Did you mean 'beta1'?"))
    #expect(
      message { _ = try Training<Float>("lookahead(momentum=pulback, sgd)", start: 1) }
        .contains("Did you mean 'pullback'?"))
  }

  @Test(arguments: [
    ("adam(lr=-1)", "takes values ≥ 0, not -1"), ("adam(lr=nan)", "takes values ≥ 0"),
    ("adam(lr=inf)", "takes values ≥ 0"), ("adam(beta1=1)", "from 0 to 1 (1 excluded)"),
    ("adam(amsgrad=2)", "takes true or false"), ("adam(lr=fast)", "'fast' is not a value"),
    ("lookahead(k=0, sgd)", "takes values from 1"), ("lookahead(k=2.5, sgd)", "takes whole numbers"),
    ("lookahead(alpha=1.5, sgd)", "from 0 to 1"), ("lookahead(init=soon, sgd)", "it takes copy, lazy"),
    ("sgd(nesterov=true)", "nesterov needs momentum > 0"),
    ("lars(nesterov=true, momentum=0)", "nesterov needs momentum > 0"),
    ("lamb(clamp=-1)", "takes values ≥ 0"),
    ("sgd(nesterov=true, momentum=0.9, dampening=0.1)", "nesterov needs momentum > 0 and dampening = 0"),
    ("lookahead", "'lookahead' wraps 1 (base), not 0; write lookahead(adam)"),
    ("adam(sgd)", "'adam' wraps no other optimizer"),
    ("lookahead(sgd, adam)", "'lookahead' wraps 1 (base), not 2"),
  ]) func valuesOutsideTheirRangeAreRefused(expression: String, problem: String) {
    let text = message { _ = try Training<Float>(expression, start: 1) }
    #expect(text.contains(problem), "\(text)")
  }

  @Test func aRefusedChangeChangesNothing() throws {
    let training = try Training<Float>("lookahead(sgd(momentum=0.9, nesterov=true))", start: 1)
    let before = training.optimizer.state()
    for (name, value) in [
      ("lr", -1), ("k", 0.5), ("base.dampening", 0.5), ("base.momentum", 0), ("init", 1), ("alpha", .nan),
    ] as [(String, Double)] {
      #expect(throws: OptimizerError.self, "\(name)") { try training.optimizer.set(name, to: value) }
    }
    #expect(throws: OptimizerError.self) { try training.optimizer.set("lr", to: 1, group: 1) }
    #expect(training.optimizer.state() == before)
    try training.optimizer.set("base.momentum", to: 0.8)
    #expect(try training.optimizer.value(of: "base.momentum") == 0.8)
  }

  @Test func structuralChangesSayWhatToDo() throws {
    for (expression, name, value) in [
      ("sgd", "momentum", 0.9), ("rmsprop", "momentum", 0.9), ("rmsprop", "centered", 1),
      ("adagrad", "initial_accumulator_value", 0.1), ("lars", "momentum", 0),
      ("adam8bit", "min_8bit_size", 0),
    ] {
      let training = try Training<Float>(expression, start: 1)
      #expect(message { try training.optimizer.set(name, to: value) }.contains("make the optimizer anew"))
    }
  }

  @Test func overridesComeAfterTheExpressionAndBeforeGroups() throws {
    let training = try Training<Float>(
      "adam(lr=1)", [Tensor("a", [1]), Tensor("b", [1], group: 1)],
      groups: [ParameterGroup(name: "a"), ParameterGroup(name: "b", hyperparameters: ["lr": 4])],
      overrides: [("lr", "2"), ("amsgrad", "true"), ("lr", "3")])
    #expect(try training.optimizer.value(of: "lr", group: 0) == 3)
    #expect(try training.optimizer.value(of: "lr", group: 1) == 4)
    #expect(try training.optimizer.value(of: "amsgrad") == 1)
  }
}
