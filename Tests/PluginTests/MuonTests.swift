// Muon: which parameters it takes, what it keeps of them, and what its matrices become.

import OptimizerHost
import TestSupport
import Testing

@Suite struct MuonTests {
  private func tensors() -> [Tensor<Double>] {
    [
      Tensor("dense", mixedValues(stream: 1, count: 12), shape: [3, 4]),
      Tensor("conv", mixedValues(stream: 2, count: 24), shape: [2, 3, 2, 2]),
      Tensor("embedding", mixedValues(stream: 3, count: 10), shape: [5, 2], group: 1),
      Tensor("bias", mixedValues(stream: 4, count: 3), shape: [3]), Tensor("scale", [1], shape: []),
    ]
  }

  private let groups = [
    ParameterGroup(name: "all"), ParameterGroup(name: "embeddings", hyperparameters: ["matrices_to_base": 1]),
  ]

  private func gradients(_ tensors: [Tensor<Double>], _ step: Int) -> [[Double]] {
    tensors.enumerated().map { i, tensor in mixedValues(stream: 100 * step + i, count: tensor.count) }
  }

  /// Matrices have Muon's slot and none of the base, all others the base's and none of Muon.
  @Test func everyParameterHasOneOwner() throws {
    let training = try Training("muon(adam)", tensors(), groups: groups)
    try training.step(gradients(training.tensors, 1))
    let names = training.optimizer.state().map(\.name).filter { !$0.hasPrefix("optimizer/") }
    let own = ["dense", "conv"].flatMap { ["\($0)/step", "\($0)/momentum_buffer"] }
    let others = ["embedding", "bias", "scale"].flatMap {
      ["\($0)/base.step", "\($0)/base.exp_avg", "\($0)/base.exp_avg_sq"]
    }
    #expect(Set(names) == Set(own + others))
    #expect(names.count == own.count + others.count)
    let buffer = try #require(training.optimizer.state().first { $0.name == "conv/momentum_buffer" })
    #expect(buffer.shape == [2, 3, 2, 2] && buffer.dtype == .float64)
  }

  @Test func underLookaheadToo() throws {
    let training = try Training("lookahead(k=2, muon(adam))", tensors(), groups: groups)
    for step in 1...2 { try training.step(gradients(training.tensors, step)) }
    let names = Set(training.optimizer.state().map(\.name))
    for name in ["dense/base.momentum_buffer", "bias/base.base.exp_avg", "dense/slow", "bias/slow"] {
      #expect(names.contains(name))
    }
    #expect(!names.contains("dense/base.base.exp_avg") && !names.contains("bias/base.momentum_buffer"))
    #expect(training.tensors[0].values == training.state("dense/slow"))
    // Lookahead finds the first moment of both.
    let reset = try Training("lookahead(k=1, momentum=reset, muon(adam))", tensors(), groups: groups)
    try reset.step(gradients(reset.tensors, 1))
    #expect(reset.state("dense/base.momentum_buffer").allSatisfy { $0 == 0 })
    #expect(reset.state("bias/base.base.exp_avg").allSatisfy { $0 == 0 })
    #expect(reset.state("bias/base.base.exp_avg_sq").contains { $0 != 0 })
  }

  /// What goes to the base is trained as the base alone would train it.
  @Test func theBaseSeesItsParametersAlone() throws {
    let training = try Training("muon(adamw(lr=0.01))", tensors(), groups: groups, threads: 2)
    let alone = try Training("adamw(lr=0.01)", [tensors()[3], tensors()[4]])
    for step in 1...4 {
      let gradients = gradients(training.tensors, step)
      try training.step(gradients)
      try alone.step([gradients[3], gradients[4]])
    }
    #expect(training.tensors[3].values == alone.tensors[0].values)
    #expect(training.tensors[4].values == alone.tensors[1].values)
  }

  /// The structural setting sends all matrices to the base, and the base then does all.
  @Test func everythingToTheBase() throws {
    let training = try Training(
      "muon(matrices_to_base=true, adam)", tensors(),
      groups: [
        ParameterGroup(name: "a"), ParameterGroup(name: "b"),
      ])
    let alone = try Training("adam", tensors(), groups: groups.map { ParameterGroup(name: $0.name) })
    for step in 1...2 {
      try training.step(gradients(training.tensors, step))
      try alone.step(gradients(alone.tensors, step))
    }
    #expect(training.tensors.map(\.values) == alone.tensors.map(\.values))
    #expect(throws: OptimizerError.self) { try training.optimizer.set("matrices_to_base", to: 0) }
  }

  /// With coefficients that converge (a = 15/8, b = −10/8, c = 3/8) a step is the nearest orthogonal matrix: its rows
  /// are orthonormal, and its product with the gradient's transpose is symmetric.
  @Test(arguments: [(3, 7), (7, 3), (5, 5), (1, 6)]) func stepsAreOrthogonal(rows: Int, columns: Int) throws {
    let count = rows * columns
    let training = try Training<Double>(
      "muon(lr=1, weight_decay=0, momentum=0, ns_steps=60, ns_a=1.875, ns_b=-1.25, ns_c=0.375, sgd)",
      [Tensor("w", [Double](repeating: 0, count: count), shape: [rows, columns])])
    let gradient: [Double] = mixedValues(stream: 9, count: count)
    try training.step([gradient])
    let ratio = max(1, Double(rows) / Double(columns)).squareRoot()
    let x = training.tensors[0].values.map { -$0 / ratio }
    let (side, length) = (min(rows, columns), max(rows, columns))
    func entry(_ matrix: [Double], _ i: Int, _ j: Int) -> Double {
      rows <= columns ? matrix[i * columns + j] : matrix[j * columns + i]
    }
    func product(_ a: [Double], _ b: [Double], _ i: Int, _ j: Int) -> Double {
      (0..<length).reduce(0) { $0 + entry(a, i, $1) * entry(b, j, $1) }
    }
    for i in 0..<side {
      for j in 0..<side {
        let unit = product(x, x, i, j) - (i == j ? 1 : 0)
        let skew = product(x, gradient, i, j) - product(x, gradient, j, i)
        #expect(abs(unit) < 1e-12 && abs(skew) < 1e-12)
      }
    }
  }

  @Test func aGradientOfZerosMovesNothing() throws {
    let training = try Training<Float>(
      "muon(weight_decay=0, adam)", [Tensor("w", [1, 2, 3, 4], shape: [2, 2])])
    try training.step([[0, 0, 0, 0]])
    #expect(training.tensors[0].values == [1, 2, 3, 4])
  }

  @Test func eachHalfHasItsLearningRate() throws {
    let training = try Training("muon(lr=0.5, adam(lr=0.25))", tensors(), groups: groups)
    #expect(try training.optimizer.value(of: "lr") == 0.5)
    #expect(try training.optimizer.value(of: "base.lr") == 0.25)
  }
}
