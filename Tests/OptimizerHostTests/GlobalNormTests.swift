// The global norm against plain sums.

import OptimizerHost
import TestSupport
import Testing

@Suite struct GlobalNormTests {
  private func norm(_ gradients: [[Float]]) -> Double {
    let tensors = gradients.map { Tensor("gradient", $0) }
    return withExtendedLifetime(tensors) {
      globalNorm(
        of: tensors.map { tensor in
          UnsafeBufferPointer(start: tensor.pointer.assumingMemoryBound(to: Float.self), count: tensor.count)
        })
    }
  }

  @Test func exactWhereNothingRounds() {
    #expect(norm([]) == 0)
    #expect(norm([[]]) == 0)
    #expect(norm([[-3], [4]]) == 5)
    #expect(norm([Array(repeating: 1, count: 10_000)]) == 100)
  }

  /// Squares of such floats do not fit into a float.
  @Test func neitherOverflowsNorUnderflows() {
    #expect(norm([[3e38]]) == Double(Float(3e38)))
    #expect(norm([[0x1p-140]]) == 0x1p-140)
  }

  @Test(arguments: [1, 7, 8, 9, 4095, 4096, 4097, 100_003]) func closeToThePlainSum(count: Int) {
    let gradients: [[Float]] = [mixedValues(stream: 1, count: count), mixedValues(stream: 2, count: 5)]
    // With what each addition lost carried along (Kahan 1965), or the plain sum would be the worse of the two.
    let (sum, _) = gradients.joined().reduce((sum: 0.0, lost: 0.0)) { state, value in
      let term = Double(value) * Double(value) - state.lost
      let sum = state.sum + term
      return (sum, (sum - state.sum) - term)
    }
    #expect(abs(norm(gradients) / sum.squareRoot() - 1) < 1e-14)
    #expect(norm(gradients) == norm(gradients))
  }

  @Test(arguments: [0, 8, 4095, 4096, 9999]) func oneBadElementShows(place: Int) {
    var gradient = Array(repeating: Float(1), count: 10_000)
    gradient[place] = .infinity
    #expect(norm([[1], gradient]) == .infinity)
    gradient[place] = .nan
    #expect(norm([[1], gradient]).isNaN)
  }
}
