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

  private func course(_ expression: String) -> Course {
    // Under Lookahead both Muon and its base have a rate, and the name alone would not say whose.
    Course(shapes: Self.shapes, steps: 4, rate: expression.contains("k=3, muon") ? "base.lr" : "lr")
  }

  private func sameForAnyCut<T: BitPatterned>(_ expression: String, _: T.Type) throws {
    let end = try course(expression).expectSameBits(
      expression, cuts: [(1, 1000), (2, 8192), (3, 777)], T.self)
    #expect(end.tensors.allSatisfy { $0.values.allSatisfy(\.isFinite) })
  }

  @Test(arguments: trees) func sameForAnyThreadsAndPieces(expression: String) throws {
    try sameForAnyCut(expression, Float.self)
    try sameForAnyCut(expression, Double.self)
  }

  @Test(arguments: trees) func continuesBitForBitAfterRestore(expression: String) throws {
    try course(expression).expectToResume(expression, from: 1)
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
