// Wrappers that give their base another gradient: one below another, with scales, and past some parameters.

import OptimizerHost
import TestSupport
import Testing

@Suite struct ChangedGradientTests {
  private func stranger(_ optimizer: String) throws -> String {
    "\(try foreignPlugin("passes")):\(optimizer)"
  }

  private func start() -> [Tensor<Double>] {
    [
      Tensor("a", mixedValues(stream: 1, count: 9000)), Tensor("past.b", mixedValues(stream: 2, count: 300)),
      Tensor("c", [5]), Tensor("past.d", [1, 2]),
    ]
  }

  /// The weights after some steps of gradients that come and go.
  private func weights(
    _ expression: String, threads: Int = 1, scale: Double = 1, factors: [Double] = [1, 1, 1, 1]
  ) throws -> [[Double]] {
    let training = try Training(expression, start(), threads: threads, pieceElements: 500)
    for step in 1...4 {
      try training.step(
        training.tensors.enumerated().map { i, tensor in
          guard (step + i) % 4 != 0 else { return nil }
          return mixedValues(stream: 16 * step + i, count: tensor.count).map { factors[i] * $0 }
        }, scale: scale)
    }
    return training.tensors.map(\.values)
  }

  /// A tree leaves the same bits as `base` alone does with gradients multiplied by `factors`, one for each tensor.
  /// Powers of two, so that products are exact whatever their order.
  private func expect(
    _ expression: String, threads: Int = 1, scale: Double = 1, isLike base: String, factors: [Double]
  ) throws {
    let found: [[Double]] = try weights(expression, threads: threads, scale: scale)
    let expected: [[Double]] = try weights(base, factors: factors)
    #expect(found == expected, "\(expression)")
  }

  @Test(arguments: [1, 2]) func theBaseGetsTheChangedGradient(threads: Int) throws {
    try expect(
      "\(stranger("multiplied"))(factor=-4, adam(eps=1))", threads: threads, isLike: "adam(eps=1)",
      factors: [-4, -4, -4, -4])
  }

  @Test(arguments: ["sgd(momentum=0.9)", "lookahead(k=2, sgd)"], [1, 0.25])
  func oneBelowAnother(base: String, scale: Double) throws {
    let path = try stranger("multiplied")
    let factor: Double = -16 * scale
    try expect(
      "\(path)(factor=8, \(path)(factor=-2, \(base)))", scale: scale, isLike: base,
      factors: [factor, factor, factor, factor])
  }

  /// The stranger does not scale gradients and his base's frame says 1; the base applies no scale again.
  @Test func theScaleIsAppliedOnce() throws {
    try expect("\(stranger("multiplied"))(factor=2, sgd)", scale: 0.5, isLike: "sgd", factors: [1, 1, 1, 1])
  }

  /// Parameters that go past a wrapper to its base keep the gradient from above it, scaled.
  @Test(arguments: [1, 0.5]) func whatGoesPastIsNotChanged(scale: Double) throws {
    let (choosy, multiplied) = (try stranger("choosy"), try stranger("multiplied"))
    let (one, four, eight): (Double, Double, Double) = (scale, 4 * scale, -8 * scale)
    try expect(
      "\(choosy)(factor=4, sgd(momentum=0.9))", threads: 2, scale: scale, isLike: "sgd(momentum=0.9)",
      factors: [four, one, four, one])
    try expect(
      "\(multiplied)(factor=-2, \(choosy)(factor=4, sgd))", scale: scale, isLike: "sgd",
      factors: [eight, -2 * one, eight, -2 * one])
    try expect(
      "\(choosy)(factor=4, \(multiplied)(factor=-2, sgd))", scale: scale, isLike: "sgd",
      factors: [eight, -2 * one, eight, -2 * one])
    try expect(
      "\(choosy)(\(choosy)(sgd))", scale: scale, isLike: "sgd", factors: [four, one, four, one])
  }

  /// In each pass of a base that evaluates the loss again.
  @Test func changesInEveryPass() throws {
    let training = try Training<Double>(
      "\(stranger("multiplied"))(factor=2, \(stranger("thrice"))(lr=0.25))", start: 16)
    try training.step { (0, training.tensors.map(\.values)) }
    #expect(training.tensors[0].values == [1])
  }
}
