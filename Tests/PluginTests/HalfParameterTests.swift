// Parameters of 16 bits: trained on 32-bit masters, as if by an optimizer for 32-bit floats.

import Foundation
import OptimizerHost
import TestSupport
import Testing

private struct Fixture: Decodable {
  /// By the type's name, per step: digests of the parameter's bits and of the master's.
  let halves: [String: [[String: String]]]
}

/// A parameter of 16 bits, or what it is converted to.
private final class Halves {
  let dtype: DType
  var bits: [UInt16]
  let memory: UnsafeMutablePointer<UInt16>

  init(_ values: [Float], _ dtype: DType) {
    self.dtype = dtype
    bits = values.map { Self.round($0, dtype) }
    memory = .allocate(capacity: values.count)
    memory.initialize(from: bits, count: bits.count)
  }

  deinit { memory.deallocate() }

  /// What an optimizer has made of them.
  var current: [UInt16] { Array(UnsafeBufferPointer(start: memory, count: bits.count)) }

  static func round(_ value: Float, _ dtype: DType) -> UInt16 {
    guard dtype == .bfloat16 else { return Float16(value).bitPattern }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }

  static func widen(_ bits: UInt16, _ dtype: DType) -> Float {
    dtype == .bfloat16 ? Float(bitPattern: UInt32(bits) << 16) : Float(Float16(bitPattern: bits))
  }
}

@Suite struct HalfParameterTests {
  private let count = 3000
  private static let types = [DType.bfloat16, .float16]

  /// An optimizer over one such parameter.
  private final class Run {
    let weights: Halves
    let optimizer: Optimizer

    init(_ expression: String, _ start: [Float], _ dtype: DType, threads: Int = 2) throws {
      weights = Halves(start, dtype)
      optimizer = try Optimizer(
        expression, registry: BuildProducts.registry(),
        parameters: [
          Parameter(
            name: "w", shape: [start.count], dtype: dtype, values: UnsafeMutableRawPointer(weights.memory))
        ], threads: threads, pieceElements: 500)
    }

    @discardableResult
    func step(_ gradient: [Float]?, scale: Double = 1, clippingNorm: Double? = nil) throws -> Double? {
      let halves = gradient.map { Halves($0, weights.dtype) }
      return try withExtendedLifetime(halves) {
        try optimizer.step(
          gradients: [halves.map { UnsafeRawPointer($0.memory) }], clippingNorm: clippingNorm,
          gradientScale: scale)
      }
    }

    func state(_ name: String) -> [Float] {
      optimizer.state().first { $0.name == name }.map { tensor in
        tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      } ?? []
    }
  }

  /// The converted values, as a 32-bit run gets them.
  private func converted(_ values: [Float], _ dtype: DType) -> [Float] {
    values.map { Halves.widen(Halves.round($0, dtype), dtype) }
  }

  private func start() -> [Float] { mixedValues(stream: 1, count: count) }
  private func gradient(_ step: Int) -> [Float] { mixedValues(stream: 64 * step, count: count) }

  /// PyTorch with a float32 master and `parameter.copy_(master)` after each step, see
  /// scripts/fixtures/make_tensor_fixtures.py: every bit of both.
  @Test(arguments: types) func sameBitsAsTorch(_ dtype: DType) throws {
    let url = Repository.file("Tests/PluginTests/Fixtures/torch-tensors.json")
    let fixture = try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
    let steps = try #require(fixture.halves[dtype.safetensorsName])
    let run = try Run("adam(lr=0.01)", start(), dtype)
    for (i, expected) in steps.enumerated() {
      try run.step(gradient(i + 1))
      #expect(digest(run.weights.current.map { Float(bitPattern: UInt32($0)) }) == expected["w"])
      #expect(digest(run.state("w/master")) == expected["w/master"])
    }
    #expect(steps.count == 6)
  }

  /// Any optimizer serves them, wrappers and whole-tensor ones included: masters follow a float32 run on the converted
  /// numbers, and the parameter is always the master, rounded to nearest even.
  @Test(arguments: types, ["adamw", "sgd(lr=0.1, momentum=0.9)", "lookahead(k=2, adam)", "adafactor"])
  func followsA32BitRun(_ dtype: DType, expression: String) throws {
    let run = try Run(expression, start(), dtype)
    let reference = try Training<Float>(expression, [Tensor("w", converted(start(), dtype))])
    for step in 1...5 {
      // The third step has no gradient.
      try run.step(step == 3 ? nil : gradient(step), scale: 0.3)
      try reference.step([step == 3 ? nil : converted(gradient(step), dtype)], scale: 0.3)
      #expect(run.state("w/master") == reference.tensors[0].values)
      #expect(run.weights.current == reference.tensors[0].values.map { Halves.round($0, dtype) })
    }
    let others = run.optimizer.state().filter { $0.name != "w/master" }
    #expect(others == reference.optimizer.state())
  }

  @Test(arguments: types) func clippingTakesTheNormOfTheConverted(_ dtype: DType) throws {
    let run = try Run("sgd(lr=0.1)", start(), dtype)
    let reference = try Training<Float>("sgd(lr=0.1)", [Tensor("w", converted(start(), dtype))])
    let gradient = Tensor<Float>("gradient", converted(gradient(1), dtype))
    let norm = try run.step(self.gradient(1), scale: 2, clippingNorm: 0.5)
    #expect(
      try reference.optimizer.step(gradients: [gradient.pointer], clippingNorm: 0.5, gradientScale: 2) == norm
    )
    #expect(run.state("w/master") == reference.tensors[0].values)
    let halves = Halves(self.gradient(1), dtype)
    let plain = try withExtendedLifetime(halves) {
      try run.optimizer.globalNorm(of: [UnsafeRawPointer(halves.memory)])
    }
    let sum = gradient.values.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(plain / sum.squareRoot() - 1) < 1e-12)
  }

  /// A gradient that overflowed is not stepped with.
  @Test(arguments: types) func anInfiniteGradientCannotBeClipped(_ dtype: DType) throws {
    let run = try Run("adam", [1, 2], dtype)
    #expect(throws: OptimizerError.norm(.infinity)) { try run.step([.infinity, 1], clippingNorm: 1) }
    #expect(run.weights.current == run.weights.bits)
  }

  /// Between two steps the masters hold more than the parameters, so they are saved.
  @Test(arguments: types) func continuesBitForBitAfterRestore(_ dtype: DType) throws {
    let whole = try Run("lookahead(k=2, adam(lr=0.01))", start(), dtype)
    for step in 1...3 { try whole.step(gradient(step)) }
    let saved = whole.optimizer.state()
    let master = try #require(saved.first { $0.name == "w/master" })
    #expect(master.dtype == .float32 && master.shape == [count])
    let resumed = try Run(
      "lookahead(k=2, adam(lr=0.01))", [Float](repeating: 0, count: count), dtype, threads: 1)
    resumed.weights.memory.update(from: whole.weights.current, count: count)
    try resumed.optimizer.restore(saved)
    for step in 4...5 {
      try whole.step(gradient(step))
      try resumed.step(gradient(step))
    }
    #expect(resumed.weights.current == whole.weights.current)
    #expect(resumed.optimizer.state() == whole.optimizer.state())
  }

  /// Evaluation sees the slow weights, rounded; afterwards everything is as before.
  @Test(arguments: types) func evaluationWeightsAreRoundedToo(_ dtype: DType) throws {
    let run = try Run("lookahead(k=2, adam(lr=0.01))", start(), dtype)
    for step in 1...3 { try run.step(gradient(step)) }
    let (before, state, slow) = (run.weights.current, run.optimizer.state(), run.state("w/slow"))
    try run.optimizer.withEvaluationWeights {
      #expect(run.weights.current == slow.map { Halves.round($0, dtype) })
      #expect(run.weights.current != before)
    }
    #expect(run.weights.current == before && run.optimizer.state() == state)
  }

  /// Types side by side: each parameter is stepped as if it were alone.
  @Test func allTypesInOneModel() throws {
    let (single, half, brain) = (
      Tensor<Float>("single", [1, 2, 3]), Halves([1, 2, 3], .float16), Halves([1, 2, 3], .bfloat16)
    )
    let double = Tensor<Double>("double", [1, 2, 3])
    func parameter(_ halves: Halves) -> Parameter {
      Parameter(
        name: halves.dtype.rawValue, shape: [3], dtype: halves.dtype,
        values: UnsafeMutableRawPointer(halves.memory))
    }
    let optimizer = try Optimizer(
      "sgd(lr=0.25)", registry: BuildProducts.registry(),
      parameters: [parameter(half), single.parameter, parameter(brain), double.parameter])
    let (f, h, b) = (
      Tensor<Float>("g", [1, 0, -1]), Halves([1, 0, -1], .float16), Halves([1, 0, -1], .bfloat16)
    )
    let d = Tensor<Double>("g", [1, 0, -1])
    _ = try optimizer.step(gradients: [
      UnsafeRawPointer(h.memory), f.pointer, UnsafeRawPointer(b.memory), d.pointer,
    ])
    #expect(single.values == [0.75, 2, 3.25] && double.values == [0.75, 2, 3.25])
    for halves in [half, brain] {
      #expect(halves.current == [0.75, 2, 3.25].map { Halves.round($0, halves.dtype) })
    }
    #expect(
      optimizer.state().map(\.name).filter { $0.hasSuffix("/master") } == ["F16/master", "BF16/master"])
  }

  /// Small steps add up in the master where the parameter alone would round every one of them away.
  @Test func smallStepsAddUp() throws {
    let run = try Run("sgd(lr=0.0009765625)", [1], .bfloat16)
    for _ in 1...8 { try run.step([-1]) }
    #expect(run.state("w/master") == [1 + 8 / 1024])
    #expect(run.weights.current == [Halves.round(1 + 8 / 1024, .bfloat16)])
    #expect(run.weights.current != run.weights.bits)
  }
}
