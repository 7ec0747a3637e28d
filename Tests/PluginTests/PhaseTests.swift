// Phases and reductions of the ABI, through plugins in C: what is collected, what `decide` knows, what wrappers see.

import OptimizerHost
import TestSupport
import Testing

/// Threads and lengths of pieces.
private let cuts = [(1, 8192), (1, 1), (2, 100), (2, 8192), (4, 1 << 30)]

@Suite struct PhaseTests {
  private static let sizes = [20_001, 1, 4096, 0, 5_000, 33, 8_192]

  private func tensors() -> [Tensor<Double>] {
    Self.sizes.enumerated().map { i, size in
      Tensor("t\(i)", mixedValues(stream: i, count: size), group: i % 2)
    }
  }

  private let groups = [ParameterGroup(name: "even"), ParameterGroup(name: "odd")]

  /// Gradients of a step; tensor 4 has none.
  private func gradients(_ step: Int) -> [[Double]?] {
    Self.sizes.enumerated().map { i, size in
      i == 4 ? nil : mixedValues(stream: 100 * step + i, count: size)
    }
  }

  /// Sums in the header's order: elements of each 4096, those of a tensor, then tensors.
  private func sum(_ values: [Double]) -> Double {
    stride(from: 0, to: values.count, by: 4096).reduce(0) { total, start in
      total + values[start..<min(start + 4096, values.count)].reduce(0, +)
    }
  }

  private func greatest(_ values: [Double]) -> Double { values.reduce(0) { max($0, $1.magnitude) } }

  @Test(arguments: ["tensor", "group", "model"], [false, true])
  func whatIsCollected(scope: String, isGreatest: Bool) throws {
    let path = try foreignPlugin("collected")
    for (threads, pieceElements) in cuts {
      let tensors = tensors()
      let training = try Training(
        "\(path)(scope=\(scope), greatest=\(isGreatest))", tensors, groups: groups, threads: threads,
        pieceElements: pieceElements)
      let before = tensors[4].values
      for step in 1...2 {
        let gradients = gradients(step)
        try training.step(gradients)
        let results = gradients.map { isGreatest ? greatest($0 ?? []) : sum($0 ?? []) }
        func total(_ belongs: (Int) -> Bool) -> Double {
          results.indices.filter(belongs).reduce(0) { isGreatest ? max($0, results[$1]) : $0 + results[$1] }
        }
        for (i, tensor) in tensors.enumerated() where i != 4 {
          let expected =
            switch scope {
            case "tensor": results[i]
            case "group": total { $0 % 2 == i % 2 }
            default: total { _ in true }
            }
          #expect(tensor.values.allSatisfy { $0 == expected }, "t\(i), \(threads) threads, \(pieceElements)")
        }
        #expect(tensors[4].values == before)
      }
      // And the sums are what plain ones are, but for rounding.
      if !isGreatest {
        let plain = gradients(2).map { $0.map { $0.reduce(0, +) } ?? 0 }
        let all =
          scope == "model" ? plain.reduce(0, +) : scope == "group" ? plain[0] + plain[2] + plain[6] : plain[0]
        #expect((tensors[0].values[0] - all).magnitude < 1e-10)
      }
    }
  }

  /// Whoever has no gradient any more no longer counts.
  @Test func resultsAreThoseOfTheStep() throws {
    let training = try Training<Double>(
      "\(foreignPlugin("collected"))(scope=model)", [Tensor("a", [0, 0]), Tensor("b", [0])])
    try training.step([[1, 2], [4]])
    #expect(training.tensors.map { $0.values[0] } == [7, 7])
    try training.step([nil, [4]])
    #expect(training.tensors.map { $0.values[0] } == [7, 4])
    try training.step([[1, 2], nil], scale: 2)
    #expect(training.tensors.map { $0.values[0] } == [6, 4])
  }

  @Test func aNumberThatIsNoneIsNotLost() throws {
    for isGreatest in [false, true] {
      let training = try Training<Double>(
        "\(foreignPlugin("collected"))(scope=model, greatest=\(isGreatest))",
        [Tensor("a", [0]), Tensor("b", [0]), Tensor("c", [0])])
      try training.step([[1], [isGreatest ? .infinity : .nan], [3]])
      let expected = isGreatest ? Double.infinity : .nan
      #expect(training.tensors[2].values[0].bitPattern == expected.bitPattern)
    }
  }

  /// The second phase needs the results of the first, the third those of the second.
  @Test func threePhases() throws {
    let path = try foreignPlugin("standardized")
    var digests: Set<[String]> = []
    for (threads, pieceElements) in cuts {
      let tensors = tensors()
      let training = try Training(
        path, tensors, groups: groups, threads: threads, pieceElements: pieceElements)
      var expected = tensors.map(\.values)
      for step in 1...2 {
        let gradients = gradients(step)
        try training.step(gradients)
        for (i, gradient) in gradients.enumerated() {
          guard let gradient, gradient.count > 1 else { continue }
          let mean = gradient.reduce(0, +) / Double(gradient.count)
          let variance = gradient.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gradient.count)
          for j in gradient.indices { expected[i][j] -= (gradient[j] - mean) / variance.squareRoot() }
        }
      }
      for (i, tensor) in tensors.enumerated() where tensor.count > 1 {
        #expect(zip(tensor.values, expected[i]).allSatisfy { ($0 - $1).magnitude < 1e-11 }, "t\(i)")
        #expect(Set(integers(training, "t\(i)/phases")) == [i == 4 ? 0 : 123_123])
      }
      digests.insert(tensors.map { digest($0.values) })
    }
    #expect(digests.count == 1)
  }

  /// A slot of 32-bit integers.
  private func integers<T>(_ training: Training<T>, _ name: String) -> [Int32] {
    training.optimizer.state().first { $0.name == name }.map { tensor in
      tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    } ?? []
  }

  /// `decide` writes what the last phase reads: the greatest gradient of the model so far, from 0.5 on.
  @Test(arguments: cuts) func decideWritesModelSlots(threads: Int, pieceElements: Int) throws {
    let path = try foreignPlugin("deciding")
    func make() throws -> Training<Float> {
      try Training(
        path, [Tensor("a", [Float](repeating: 8, count: 9000)), Tensor("b", [8])], threads: threads,
        pieceElements: pieceElements)
    }
    func known(_ training: Training<Float>) -> [Double] {
      training.optimizer.state().first { $0.name == "optimizer/known" }.map { tensor in
        tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
      } ?? []
    }
    let training = try make()
    #expect(known(training) == [0.5, 0.5])
    let greatest: [Float] = [0.25, 4, 2]
    var expected: Float = 8
    for (i, gradient) in greatest.enumerated() {
      if i == 2 {
        // From here on a second optimizer goes on, made from what was saved.
        let resumed = try make()
        for (new, old) in zip(resumed.tensors, training.tensors) { new.values = old.values }
        try resumed.optimizer.restore(training.optimizer.state())
        #expect(known(resumed) == [4, 2.5])
        try resumed.step([[Float](repeating: 1, count: 9000), [2]])
        #expect(
          resumed.tensors.map { $0.values[0] } == [expected - 0.25, expected - 0.5])
      }
      var a = [Float](repeating: gradient, count: 9000)
      a[7000] = -gradient
      try training.step([a, [gradient]])
      let divisor = max(0.5, greatest[...i].max() ?? 0)
      expected -= gradient / divisor
      #expect(training.tensors[1].values == [expected])
      #expect(known(training) == [Double(divisor), 1.5 + Double(i)])
    }
  }

  @Test func decideWithoutPhases() throws {
    let training = try Training<Float>(foreignPlugin("deciding", ["-DPHASES=1"]), start: 8)
    for _ in 1...3 { try training.step([[1]]) }
    #expect(training.tensors[0].values == [2])
    #expect(training.optimizer.state().contains { $0.name == "optimizer/known" && $0.shape == [2] })
  }

  /// A wrapper need not know of phases: it sees its segments once in a step, when its base is done.
  @Test(arguments: [
    ("0", [1, 0, 1]), ("OPTPLUG_CAPABILITY_EVERY_PHASE", [3, 1, 1]),
    ("OPTPLUG_CAPABILITY_CHANGED_GRADIENT", [3, 1, 1]),
  ])
  func whatWrappersSee(capabilities: String, expected: [Int32]) throws {
    let base = try foreignPlugin("standardized")
    let path = try foreignPlugin("sight", ["-DCAPABILITIES=\(capabilities)"])
    for (threads, pieceElements) in cuts {
      let (plain, wrapped) = (tensors(), tensors())
      let reference = try Training(base, plain, groups: groups)
      let training = try Training(
        "\(path)(lookahead(k=9, \(base)))", wrapped, groups: groups, threads: threads,
        pieceElements: pieceElements)
      for step in 1...2 { for each in [reference, training] { try each.step(gradients(step)) } }
      for (i, tensor) in wrapped.enumerated() {
        #expect(tensor.values.map(\.bitPattern) == plain[i].values.map(\.bitPattern))
        let counts = ["seen", "first", "last"].map { Set(integers(training, "t\(i)/\($0)")) }
        #expect(
          counts
            == (tensor.count == 0 ? [[], [], []] : i == 4 ? [[0], [0], [0]] : expected.map { [2 * $0] }))
        #expect(
          Set(integers(training, "t\(i)/base.base.phases"))
            == (tensor.count == 0 ? [] : [i == 4 ? 0 : 123_123]))
      }
    }
  }

  /// With a base of one phase there is one call, the first and the last.
  @Test(arguments: ["0", "OPTPLUG_CAPABILITY_EVERY_PHASE"]) func onePhaseIsFirstAndLast(capabilities: String)
    throws
  {
    let path = try foreignPlugin("sight", ["-DCAPABILITIES=\(capabilities)"])
    let training = try Training<Double>("\(path)(sgd)", start: 1)
    try training.step([[1]])
    #expect(["seen", "first", "last"].map { integers(training, "w/\($0)") } == [[1], [1], [1]])
  }

  @Test func lookaheadSyncsOnceOverLAMB() throws {
    let path = try foreignPlugin("sight")
    let training = try Training<Float>(
      "\(path)(lookahead(k=2, alpha=1, lamb))", [Tensor("w", mixedValues(stream: 1, count: 9000))], threads: 2
    )
    let plain = try Training<Float>("lamb", [Tensor("w", mixedValues(stream: 1, count: 9000))])
    for step in 1...4 {
      for each in [training, plain] { try each.step([mixedValues(stream: 10 + step, count: 9000)]) }
    }
    #expect(training.tensors[0].values == plain.tensors[0].values)
    #expect(training.state("w/base.slow") == plain.tensors[0].values)
    #expect(Set(integers(training, "w/seen")) == [4])
  }
}
