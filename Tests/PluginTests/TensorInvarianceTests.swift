// Optimizers of whole tensors: the same bits for any threads and pieces, and after any interruption.

import OptimizerHost
import TestSupport
import Testing

private let trees = [
  "adafactor(lr=0.05, weight_decay=0.1)", "lookahead(k=2, adafactor)", "muon(lr=0.02, adamw)",
  "muon(lr=0.02, nesterov=false, ns_steps=2, adafactor)", "lookahead(k=3, muon(adam))",
  "muon(lookahead(k=2, sgd(lr=0.1, momentum=0.9)))",
]

@Suite struct TensorInvarianceTests {
  /// Some are longer than what one part of a loop covers, some are stacks of small matrices.
  private static let shapes = [
    [200, 130], [30, 600], [17_000], [40, 60, 3, 3], [3, 5], [17], [], [0, 4], [1, 30], [64, 1],
  ]

  private func make<T: BitPatterned>(_ expression: String, threads: Int, pieceElements: Int, _: T.Type) throws
    -> Training<T>
  {
    let tensors = Self.shapes.enumerated().map { i, shape in
      Tensor<T>("t\(i)", mixedValues(stream: i, count: shape.reduce(1, *)), shape: shape, group: i % 2)
    }
    return try Training(
      expression, tensors,
      groups: [
        ParameterGroup(name: "even"),
        // Under Lookahead both Muon and its base have one, and the name alone would not say whose.
        ParameterGroup(
          name: "odd", hyperparameters: [expression.contains("k=3, muon") ? "base.lr" : "lr": 0.02]),
      ],
      threads: threads, pieceElements: pieceElements)
  }

  private func step<T: BitPatterned>(_ training: Training<T>, _ number: Int) throws {
    try training.step(
      training.tensors.enumerated().map { i, tensor in
        // Some tensors miss some gradients.
        (number + i) % 4 == 0 ? nil : mixedValues(stream: 1000 + 16 * number + i, count: tensor.count)
      }, scale: number == 3 ? 0.3 : 1)
  }

  private func bits<T: BitPatterned>(_ training: Training<T>) -> [String] {
    training.tensors.map { digest($0.values) }
  }

  private func sameForAnyCut<T: BitPatterned>(_ expression: String, _: T.Type) throws {
    let reference = try make(expression, threads: 1, pieceElements: 1 << 30, T.self)
    let others = try [(1, 1000), (2, 8192), (3, 777)].map {
      try make(expression, threads: $0.0, pieceElements: $0.1, T.self)
    }
    for number in 1...4 {
      try step(reference, number)
      for other in others {
        try step(other, number)
        #expect(bits(other) == bits(reference))
      }
    }
    #expect(reference.tensors.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    for other in others { #expect(other.optimizer.state() == reference.optimizer.state()) }
  }

  @Test(arguments: trees) func sameForAnyThreadsAndPieces(expression: String) throws {
    try sameForAnyCut(expression, Float.self)
    try sameForAnyCut(expression, Double.self)
  }

  @Test(arguments: trees) func continuesBitForBitAfterRestore(expression: String) throws {
    let whole = try make(expression, threads: 2, pieceElements: 8192, Float.self)
    var saved: [(weights: [[Float]], state: [NamedTensor])] = []
    for number in 1...4 {
      saved.append((whole.tensors.map(\.values), whole.optimizer.state()))
      try step(whole, number)
    }
    for (done, checkpoint) in saved.enumerated().dropFirst() {
      let resumed = try make(expression, threads: 1, pieceElements: 500, Float.self)
      for (tensor, values) in zip(resumed.tensors, checkpoint.weights) { tensor.values = values }
      #expect(try resumed.optimizer.restore(checkpoint.state).isEmpty)
      for number in (done + 1)...4 { try step(resumed, number) }
      #expect(bits(resumed) == bits(whole))
      #expect(resumed.optimizer.state() == whole.optimizer.state())
    }
  }

  /// A scale is the same as gradients multiplied beforehand.
  @Test(arguments: trees) func gradientScaleMultiplies(expression: String) throws {
    func tensors() -> [Tensor<Float>] {
      [
        Tensor("w", mixedValues(stream: 1, count: 600), shape: [20, 30]),
        Tensor("b", mixedValues(stream: 2, count: 20)),
      ]
    }
    let (scaled, multiplied) = (try Training(expression, tensors()), try Training(expression, tensors()))
    for number in 1...3 {
      let gradients: [[Float]] = [
        mixedValues(stream: 50 + number, count: 600), mixedValues(stream: 60 + number, count: 20),
      ]
      try scaled.step(gradients, scale: 0.37)
      try multiplied.step(gradients.map { $0.map { $0 * Float(0.37) } })
    }
    #expect(bits(scaled) == bits(multiplied))
  }
}
