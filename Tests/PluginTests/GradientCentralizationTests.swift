// Gradient centralization: which tensors, which means, and that they do not depend on the cut.

import OptimizerHost
import TestSupport
import Testing

@Suite struct GradientCentralizationTests {
  /// What plain SGD at lr 1 takes off is the gradient that it saw.
  private func seen<T: BitPatterned>(
    _ options: String, shape: [Int], _ gradient: [T], scale: Double = 1
  ) throws -> [T] {
    let training = try Training<T>(
      "gradient-centralization(\(options)sgd(lr=1))",
      [Tensor("w", Array(repeating: 0, count: gradient.count), shape: shape)])
    try training.step([gradient], scale: scale)
    return training.tensors[0].values.map { -$0 }
  }

  @Test func rowsLoseTheirMean() throws {
    #expect(try seen("", shape: [2, 3], [1, 2, 6, -1, -1, 5] as [Double]) == [-2, -1, 3, -2, -2, 4])
    #expect(
      try seen("", shape: [2, 3], [1, 2, 6, -1, -1, 5] as [Double], scale: 2) == [-4, -2, 6, -4, -4, 8])
    #expect(try seen("", shape: [1, 1, 2, 2], [1, 2, 3, 6] as [Double]) == [-2, -1, 0, 3])
  }

  @Test func vectorsAndNumbersKeepTheirGradient() throws {
    #expect(try seen("", shape: [4], [1, 2, 3, 6] as [Double]) == [1, 2, 3, 6])
    #expect(try seen("", shape: [4], [1, 2, 3, 6] as [Float], scale: 0.5) == [0.5, 1, 1.5, 3])
    #expect(try seen("", shape: [], [5] as [Double]) == [5])
    #expect(try seen("", shape: [0, 3], [] as [Double]) == [])
  }

  @Test func onlyConvolutionsWhereAskedFor() throws {
    let gradient: [Double] = [1, 2, 3, 6]
    #expect(try seen("conv_only=true, ", shape: [2, 2], gradient) == gradient)
    #expect(try seen("conv_only=true, ", shape: [1, 2, 2], gradient) == gradient)
    #expect(try seen("conv_only=true, ", shape: [1, 1, 2, 2], gradient) == [-2, -1, 0, 3])
  }

  /// A row's mean is summed in double: cancellation that 32 bits could not survive.
  @Test func meansAreSummedInDouble() throws {
    let found = try seen("", shape: [1, 10], [3e7, 1, -3e7, 1, 1, 1, 1, 1, 1, 1] as [Float])
    #expect(found[3] == 1 - Float(0.8))
  }

  @Test func twiceIsOnce() throws {
    let start: [Double] = mixedValues(stream: 1, count: 600)
    let (once, twice) = (
      try Training("gradient-centralization(adam)", [Tensor("w", start, shape: [20, 30])]),
      try Training(
        "gradient-centralization(gradient-centralization(adam))", [Tensor("w", start, shape: [20, 30])])
    )
    for step in 1...4 {
      for training in [once, twice] { try training.step([mixedValues(stream: 10 + step, count: 600)]) }
      let worst = zip(once.tensors[0].values, twice.tensors[0].values).map { ($0 - $1).magnitude }.max() ?? 1
      #expect(worst < 1e-15)
    }
  }

  /// Centralized in every pass of a base that evaluates again, and in each of its phases.
  @Test func composesWithSAM() throws {
    let expressions = [
      "gradient-centralization(sam(sgd(lr=0.1)))", "sam(gradient-centralization(sgd(lr=0.1)))",
    ]
    for expression in expressions {
      let training = try Training<Double>(
        expression, [Tensor("w", mixedValues(stream: 1, count: 600), shape: [20, 30])])
      let sums = { (0..<20).map { row in training.tensors[0].values[row * 30..<row * 30 + 30].reduce(0, +) } }
      let before = sums()
      for _ in 1...3 { try training.step { (.nan, [training.tensors[0].values.map { $0 * $0 + 0.3 }]) } }
      // Gradients without a mean leave each row's sum as it was.
      #expect(zip(before, sums()).allSatisfy { ($0 - $1).magnitude < 1e-12 })
    }
  }
}
