// The global norm against plain sums.

import OptimizerHost
import TestSupport
import Testing

@Suite struct GlobalNormTests {
  private func norm<T: BitPatterned>(_ gradients: [[T]], threads: Int = 1, pieceElements: Int = 8192) throws
    -> Double
  {
    let tensors = gradients.enumerated().map { Tensor("gradient\($0)", $1) }
    let training = try Training("sgd", tensors, threads: threads, pieceElements: pieceElements)
    return try training.optimizer.globalNorm(of: tensors.map(\.pointer))
  }

  @Test func exactWhereNothingRounds() throws {
    #expect(try norm([[Float]]()) == 0)
    #expect(try norm([[Float]()]) == 0)
    #expect(try norm([[Float(-3)], [4]]) == 5)
    #expect(try norm([[-3.0], [4]]) == 5)
    #expect(try norm([Array(repeating: Float(1), count: 10_000)]) == 100)
  }

  /// Squares of such floats do not fit into a float.
  @Test func neitherOverflowsNorUnderflows() throws {
    #expect(try norm([[Float(3e38)]]) == Double(Float(3e38)))
    #expect(try norm([[Float(0x1p-140)]]) == 0x1p-140)
  }

  @Test(arguments: [1, 7, 8, 9, 4095, 4096, 4097, 100_003]) func closeToThePlainSum(count: Int) throws {
    let gradients: [[Float]] = [mixedValues(stream: 1, count: count), mixedValues(stream: 2, count: 5)]
    // With what each addition lost carried along (Kahan 1965), or the plain sum would be the worse of the two.
    let (sum, _) = gradients.joined().reduce((sum: 0.0, lost: 0.0)) { state, value in
      let term = Double(value) * Double(value) - state.lost
      let sum = state.sum + term
      return (sum, (sum - state.sum) - term)
    }
    let norm = try norm(gradients)
    #expect(abs(norm / sum.squareRoot() - 1) < 1e-14)
    let doubles = gradients.map { $0.map(Double.init) }
    #expect(abs(try self.norm(doubles) / sum.squareRoot() - 1) < 1e-14)
    for (threads, pieceElements) in [(2, 8192), (3, 100), (4, 1 << 30)] {
      #expect(try self.norm(gradients, threads: threads, pieceElements: pieceElements) == norm)
    }
  }

  @Test func missingGradientsCountAsZeros() throws {
    let tensors = [Tensor<Float>("a", [3]), Tensor("b", [5]), Tensor("c", [4])]
    let optimizer = try Training("sgd", tensors).optimizer
    #expect(try optimizer.globalNorm(of: [tensors[0].pointer, nil, tensors[2].pointer]) == 5)
    #expect(throws: OptimizerError.parameters("2 gradients for 3 parameters")) {
      try optimizer.globalNorm(of: [nil, nil])
    }
  }

  /// PyTorch: `clip_grad_norm_([3., 4.], 1)` multiplies by 1/(5 + 1e-6).
  @Test func clippingScalesDownAndNeverUp() throws {
    let tensors = [Tensor<Float>("a", [0]), Tensor("b", [0])]
    let gradients = [Tensor<Float>("a", [3]), Tensor("b", [4])]
    let optimizer = try Training("sgd(lr=1)", tensors).optimizer
    #expect(try optimizer.step(gradients: gradients.map(\.pointer), clippingNorm: 1) == 5)
    let scale = Float(1 / (5 + 1e-6))
    #expect(tensors.map(\.values) == [[-3 * scale], [-4 * scale]])
    #expect(gradients.map(\.values) == [[3], [4]])
    for tensor in tensors { tensor.values = [0] }
    #expect(try optimizer.step(gradients: gradients.map(\.pointer), clippingNorm: 6) == 5)
    #expect(tensors.map(\.values) == [[-3], [-4]])
    for tensor in tensors { tensor.values = [0] }
    #expect(
      try optimizer.step(gradients: gradients.map(\.pointer), clippingNorm: 6, gradientScale: -0.5) == 2.5)
    #expect(tensors.map(\.values) == [[1.5], [2]])
  }

  @Test(arguments: [Float.infinity, .nan]) func aNormThatIsNotFiniteStopsTheStep(bad: Float) throws {
    let tensors = [Tensor<Float>("a", [1]), Tensor("b", [2])]
    let gradients = [Tensor<Float>("a", [bad]), Tensor("b", [4])]
    let optimizer = try Training("adam", tensors).optimizer
    let before = optimizer.state()
    let error = #expect(throws: OptimizerError.self) {
      try optimizer.step(gradients: gradients.map(\.pointer), clippingNorm: 1)
    }
    #expect("\(error!)".contains("cannot be clipped"))
    #expect(tensors.map(\.values) == [[1], [2]])
    #expect(optimizer.state() == before)
    #expect(throws: OptimizerError.self) {
      try optimizer.step(gradients: [nil, nil], clippingNorm: -1)
    }
  }

  @Test(arguments: [0, 8, 4095, 4096, 9999]) func oneBadElementShows(place: Int) throws {
    var gradient = Array(repeating: Float(1), count: 10_000)
    gradient[place] = .infinity
    #expect(try norm([[1], gradient]) == .infinity)
    gradient[place] = .nan
    #expect(try norm([[1], gradient]).isNaN)
  }
}
