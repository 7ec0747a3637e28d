// What the kit offers for whole tensors: slots of every type, scratch, random numbers, shared loops.

import OptimizerHost
import TestSupport
import Testing

@Suite struct TensorProbeTests {
  private func make(_ tensors: [Tensor<Double>], threads: Int = 1, seed: UInt64 = 0) throws -> Optimizer {
    try Optimizer(
      "tensor_probe", registry: BuildProducts.registry(), parameters: tensors.map(\.parameter),
      threads: threads,
      seed: seed)
  }

  private func tensors() -> [Tensor<Double>] {
    [Tensor("a", mixedValues(stream: 1, count: 600), shape: [20, 30]), Tensor("b", [1, 2, 3])]
  }

  private func step(_ optimizer: Optimizer, _ tensors: [Tensor<Double>]) throws {
    let gradients = tensors.map { Tensor<Double>("gradient", [Double](repeating: 0, count: $0.count)) }
    try withExtendedLifetime(gradients) { _ = try optimizer.step(gradients: gradients.map(\.pointer)) }
  }

  @Test func slotsHaveTheirShapesAndTypes() throws {
    let training = try Training<Float>("tensor_probe", [Tensor("a", [1, 2, 3, 4, 5, 6], shape: [2, 3])])
    for _ in 1...2 { try training.step([[1, 1, 1, 1, 1, 2]]) }
    func slot(_ name: String) throws -> NamedTensor {
      try #require(training.optimizer.state().first { $0.name == "a/\(name)" })
    }
    func read<T>(_ name: String, _: T.Type) throws -> [T] {
      try slot(name).bytes.withUnsafeBytes { Array($0.bindMemory(to: T.self)) }
    }
    #expect(try slot("bytes").shape == [2, 3] && slot("bytes").dtype == .uint8)
    #expect(try slot("bytes").bytes == [12, 12, 12, 12, 12, 12])
    #expect(try slot("floats").shape == [] && read("floats", Float.self) == [12])
    #expect(try slot("doubles").dtype == .float64 && read("doubles", Double.self) == [12])
    #expect(try slot("longs").dtype == .int64 && read("longs", Int64.self) == [4, 4, 4, 4])
    #expect(try slot("own").dtype == .float32 && read("own", Float.self) == [0, 9])
    #expect(training.state("a/start") == [1, 2, 3, 4, 5, 6])
  }

  /// Uniform from 0 to 1, the same for any number of threads and for equal runs, others for another seed, step or tensor.
  @Test func randomNumbersBelongToSeedStepAndTensor() throws {
    func run(threads: Int, seed: UInt64) throws -> [[Double]] {
      let tensors = [
        Tensor<Double>("a", [Double](repeating: 0, count: 900)),
        Tensor("b", [Double](repeating: 0, count: 900)),
      ]
      let optimizer = try make(tensors, threads: threads, seed: seed)
      try step(optimizer, tensors)
      let first = tensors.map(\.values)
      try step(optimizer, tensors)
      return first + zip(tensors, first).map { zip($0.values, $1).map(-) }
    }
    let numbers = try run(threads: 1, seed: 5)
    #expect(try run(threads: 2, seed: 5) == numbers)
    #expect(try run(threads: 1, seed: 6)[0] != numbers[0])
    for draw in numbers {
      #expect(draw.allSatisfy { (0..<1).contains($0) })
      // Five standard errors of the mean of 900 such numbers.
      let mean: Double = draw.reduce(0, +) / 900
      #expect((0.452...0.548).contains(mean))
    }
    #expect(Set(numbers.joined()).count > 3500, "all four draws differ")
  }

  @Test func aFailureIsReported() throws {
    let training = try Training<Float>("tensor_probe", [Tensor("a", [Float](repeating: 0, count: 1000))])
    #expect {
      try training.step([[Float](repeating: 0, count: 1000)])
    } throws: {
      $0 as? OptimizerError
        == .call("tensor_probe", function: "step", problem: "tensor_probe takes fewer than 1000 elements")
    }
  }
}
