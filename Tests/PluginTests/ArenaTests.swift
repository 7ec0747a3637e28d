// Memory laid out by the host gives the same bits as memory from anywhere.

import TestSupport
import Testing

@testable import OptimizerHost

/// Models whose tensors are joined, wholly or here and there.
private let sizes = [64, 64, 16, 10, 48, 0, 3200, 64, 1, 16, 16]

@Suite struct ArenaTests {
  private let groups = [
    ParameterGroup(name: "even"), ParameterGroup(name: "odd", hyperparameters: ["lr": 0.02]),
  ]

  /// The same model in the arena and in memory of its own.
  private final class Pair {
    let arena: ParameterArena
    let inArena: Optimizer
    let elsewhere: Training<Float>

    init(_ expression: String, groups: [ParameterGroup], group: (Int) -> Int, threads: Int) throws {
      arena = try ParameterArena(
        sizes.enumerated().map { .init(name: "t\($0)", shape: [$1], group: group($0)) })
      let tensors = sizes.enumerated().map { i, size in
        Tensor<Float>("t\(i)", mixedValues(stream: i, count: size), group: group(i))
      }
      for (parameter, tensor) in zip(arena.parameters, tensors) {
        parameter.values.copyMemory(from: tensor.pointer, byteCount: tensor.count * 4)
      }
      inArena = try Optimizer(
        expression, registry: BuildProducts.registry(), parameters: arena.parameters, groups: groups,
        threads: threads, pieceElements: 100)
      elsewhere = try Training(expression, tensors, groups: groups)
    }

    /// One step with gradients of this number; nil where `misses` says so.
    func step(
      _ number: Int, scale: Double = 1, inArena isInArena: Bool = true, misses: (Int) -> Bool = { _ in false }
    )
      throws
    {
      let gradients: [[Float]?] = sizes.enumerated().map { i, size in
        misses(i) ? nil : mixedValues(stream: 1000 + 16 * number + i, count: size)
      }
      for (target, gradient) in zip(arena.gradients, gradients) {
        gradient?.withUnsafeBytes { bytes in
          if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
        }
      }
      let copies = gradients.map { $0.map { Tensor("gradient", $0) } }
      _ = try withExtendedLifetime(copies) {
        try inArena.step(
          gradients: gradients.indices.map { i in
            gradients[i] == nil ? nil : isInArena ? UnsafeRawPointer(arena.gradients[i]) : copies[i]?.pointer
          }, gradientScale: scale)
      }
      try elsewhere.step(gradients, scale: scale)
    }

    var differences: [String] {
      zip(arena.parameters, elsewhere.tensors).compactMap { parameter, tensor in
        let values = UnsafeBufferPointer(
          start: parameter.values.assumingMemoryBound(to: Float.self), count: parameter.count)
        return digest(Array(values)) == digest(tensor.values) ? nil : parameter.name
      }
    }
  }

  private static let trees = [
    "sgd(lr=0.1, momentum=0.9, nesterov=true)", "adam(lr=0.01, amsgrad=true)", "lookahead(k=3, adamw)",
    "lookahead(k=2, momentum=pullback, adam)", "lookahead(k=2, momentum=reset_all, adamw)",
    "lookahead(k=2, lookahead(k=3, sgd(momentum=0.9)))",
  ]

  @Test(arguments: trees, [1, 3]) func sameBitsAsElsewhere(expression: String, threads: Int) throws {
    let pair = try Pair(expression, groups: groups, group: { $0 % 2 }, threads: threads)
    for number in 1...7 {
      try pair.step(number, scale: number == 3 ? 0.3 : 1)
      #expect(pair.differences == [])
    }
    #expect(pair.inArena.state() == pair.elsewhere.optimizer.state())
  }

  /// How long the segment is that each parameter's first element lies in.
  private func lengths(
    _ optimizer: String, misses: Set<Int> = [], groups groupCount: Int = 1, apart: Set<Int> = []
  ) throws -> [Int] {
    let arena = try ParameterArena(
      [32, 16, 8, 16, 64].enumerated().map { .init(name: "t\($0)", shape: [$1], group: $0 % groupCount) })
    let optimizer = try Optimizer(
      foreignPlugin("lengths") + ":" + optimizer, parameters: arena.parameters,
      groups: (0..<groupCount).map { ParameterGroup(name: "\($0)") })
    let elsewhere = Tensor<Float>("gradient", Array(repeating: 0, count: 64))
    _ = try withExtendedLifetime((arena, elsewhere)) {
      try optimizer.step(
        gradients: arena.gradients.enumerated().map { i, gradient in
          misses.contains(i) ? nil : apart.contains(i) ? elsewhere.pointer : UnsafeRawPointer(gradient)
        })
    }
    return arena.parameters.map { Int($0.values.load(as: Float.self)) }
  }

  @Test func neighboursShareASegment() throws {
    // 8 floats end inside a cache line, so the fourth does not follow the third.
    #expect(try lengths("joined") == [56, 56, 56, 80, 80])
    #expect(try lengths("apart") == [32, 16, 8, 16, 64])
    #expect(try lengths("tensors") == [32, 16, 8, 16, 64])
    #expect(try lengths("joined", misses: [1]) == [32, 0, 8, 80, 80])
    #expect(try lengths("joined", apart: [1]) == [32, 16, 8, 80, 80])
    #expect(try lengths("joined", groups: 2) == [40, 32, 40, 32, 64])
  }

  /// Steps that differ, gradients that are missing and gradients that lie elsewhere end what was joined.
  @Test(arguments: trees) func sameBitsWhateverTheGradients(expression: String) throws {
    let pair = try Pair(expression, groups: [ParameterGroup(name: "all")], group: { _ in 0 }, threads: 2)
    for number in 1...12 {
      try pair.step(number, inArena: number % 5 != 0, misses: { number > 3 && ($0 + number) % 7 == 0 })
      #expect(pair.differences == [], "step \(number)")
      if number == 8 { #expect(try pair.inArena.restore(pair.inArena.state()).isEmpty) }
    }
    #expect(pair.inArena.state() == pair.elsewhere.optimizer.state())
  }

  @Test func evaluationWeightsComeAndGo() throws {
    let pair = try Pair("lookahead(k=3, adam)", groups: groups, group: { $0 % 2 }, threads: 2)
    try pair.inArena.withEvaluationWeights {
      try pair.elsewhere.optimizer.withEvaluationWeights { #expect(pair.differences == []) }
    }
    for number in 1...4 { try pair.step(number) }
    try pair.inArena.withEvaluationWeights {
      #expect(pair.differences != [])
      try pair.elsewhere.optimizer.withEvaluationWeights { #expect(pair.differences == []) }
    }
    #expect(pair.differences == [])
  }

  @Test func tensorsLieSideBySideByGroupAndType() throws {
    let arena = try ParameterArena([
      .init(name: "a", shape: [16], group: 1), .init(name: "b", shape: [2, 3], dtype: .float64),
      .init(name: "c", shape: [16]), .init(name: "d", shape: [32], group: 1),
      .init(name: "e", shape: [1, 8]),
    ])
    let start = arena.parameters.map { Int(bitPattern: $0.values) }
    // c and e (float32, group 0), a and d (float32, group 1), b (float64); 8 floats end at half a cache line.
    #expect(start.map { $0 - start[2] } == [128, 320, 0, 192, 64])
    #expect(start.allSatisfy { $0 % 64 == 0 })
    let gradients = arena.gradients.map { Int(bitPattern: $0) }
    #expect(gradients.map { $0 - gradients[2] } == [128, 320, 0, 192, 64])
    #expect(arena.parameters.map(\.name) == ["a", "b", "c", "d", "e"])
    #expect(arena.parameters.map(\.shape) == [[16], [2, 3], [16], [32], [1, 8]])
  }

  @Test func largeArenasStartAtHugePages() throws {
    let arena = try ParameterArena([.init(name: "w", shape: [2 << 20])])
    #expect(Int(bitPattern: arena.parameters[0].values) % (2 << 20) == 0)
    #expect(Int(bitPattern: arena.gradients[0]) % (2 << 20) == 0)
  }

  @Test(arguments: [[1 << 50], [1 << 40, 1 << 40], [-1]]) func impossibleSizesAreRefused(shape: [Int]) {
    let error = #expect(throws: OptimizerError.self) { try ParameterArena([.init(name: "w", shape: shape)]) }
    #expect("\(error!)".contains(shape.count == 1 && shape[0] > 0 ? "no memory" : "impossible shape"))
  }
}
