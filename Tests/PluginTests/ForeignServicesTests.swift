// A stranger's plugin in C that calls the host's services through the ABI.

import OptimizerHost
import TestSupport
import Testing

@Suite struct ForeignServicesTests {
  private func make(threads: Int, seed: UInt64 = 1) throws -> (optimizer: Optimizer, tensors: [Tensor<Float>])
  {
    let tensors = [
      Tensor<Float>("large", mixedValues(stream: 1, count: 60_000), shape: [1500, 40]),
      Tensor("small", mixedValues(stream: 2, count: 6), shape: [2, 3]), Tensor("vector", [1, 2, 3, 4]),
    ]
    let optimizer = try Optimizer(
      foreignPlugin("services"), registry: BuildProducts.registry(), parameters: tensors.map(\.parameter),
      threads: threads, seed: seed)
    return (optimizer, tensors)
  }

  private func step(_ optimizer: Optimizer, _ tensors: [Tensor<Float>], _ number: Int) throws -> [[Float]] {
    let gradients = tensors.enumerated().map { i, tensor in
      Tensor<Float>("gradient", mixedValues(stream: 10 * number + i, count: tensor.count))
    }
    try withExtendedLifetime(gradients) { _ = try optimizer.step(gradients: gradients.map(\.pointer)) }
    return gradients.map(\.values)
  }

  private func signs(_ optimizer: Optimizer, _ name: String) -> [Float] {
    optimizer.state().first { $0.name == "\(name)/signs" }.map { tensor in
      tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    } ?? []
  }

  @Test func productsAndLoopsComputeWhatTheySay() throws {
    let (optimizer, tensors) = try make(threads: 2)
    let before = tensors.map(\.values)
    let gradients = try step(optimizer, tensors, 1)
    for (i, tensor) in tensors.enumerated() {
      let n = tensor.shape.count > 1 ? tensor.shape[1] : 1
      let signs = signs(optimizer, tensor.name)
      #expect(signs.count == n * n && signs.allSatisfy { $0.magnitude == 1 })
      var worst = 0.0
      for row in 0..<(tensor.count / n) {
        for column in 0..<n {
          var move = 0.0
          for k in 0..<n { move += Double(gradients[i][row * n + k]) * Double(signs[k * n + column]) }
          let place = row * n + column
          worst = max(worst, abs(Double(tensor.values[place]) - (Double(before[i][place]) - 0.5 * move)))
        }
      }
      #expect(worst < 1e-5, "\(tensor.name): sums of \(n) numbers below 1, in float32")
    }
  }

  @Test func sameBitsForAnyThreadsOtherSignsForAnotherSeed() throws {
    let runs = try [(1, 1), (2, 1), (3, 1), (2, 9)].map { threads, seed in
      let (optimizer, tensors) = try make(threads: threads, seed: UInt64(seed))
      for number in 1...3 { _ = try step(optimizer, tensors, number) }
      return (weights: tensors.map(\.values), signs: signs(optimizer, "large"))
    }
    #expect(runs[1].weights == runs[0].weights && runs[2].weights == runs[0].weights)
    #expect(runs[3].signs != runs[0].signs)
  }
}
