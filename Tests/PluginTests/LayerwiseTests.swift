// LARS and LAMB, whose steps depend on the norms of whole tensors: against timm and pytorch-optimizer, and by hand.

import Foundation
import OptimizerHost
import TestSupport
import Testing

private struct Fixture: Decodable {
  /// Per step, per tensor or buffer: its norm and four of its values.
  let cases: [String: [String: [String: [Double]]]]
}

private let fixture = Result {
  let url = Repository.file("Tests/PluginTests/Fixtures/layerwise.json")
  return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
}
private let caseNames = ((try? fixture.get())?.cases.keys.sorted()) ?? []

@Suite struct LayerwiseTests {
  private static let shapes = [("matrix", [100, 96]), ("vector", [50]), ("late", [30, 40])]

  @Test func fixtureCoversEveryOption() throws {
    #expect(caseNames.count == 18)
  }

  /// See scripts/fixtures/make_layerwise_fixtures.py.
  @Test(arguments: caseNames) func agreesWithOtherLibraries(_ name: String) throws {
    let parts = name.split(separator: " ", maxSplits: 1).map(String.init)
    let steps = try #require(fixture.get().cases[name])
    if parts[0] == "float32" {
      // Norms of float32 are sums in float32 there, here in float64.
      try follow(steps, parts[1], Float.self, tolerance: 2e-6)
    } else {
      // But for the eps that pytorch-optimizer's LAMB adds to the norm of the direction, which is 7 and more.
      try follow(steps, parts[1], Double.self, tolerance: parts[1].contains("clamp") ? 2e-7 : 1e-13)
    }
  }

  private func follow<T: BitPatterned>(
    _ steps: [String: [String: [Double]]], _ expression: String, _: T.Type, tolerance: Double
  ) throws {
    let tensors = Self.shapes.enumerated().map { i, entry in
      Tensor<T>(entry.0, mixedValues(stream: 1 + i, count: entry.1.reduce(1, *)), shape: entry.1)
    }
    let training = try Training(expression, tensors, threads: 2, pieceElements: 1000)
    #expect(steps.keys.sorted() == ["1", "3", "8"])
    for step in 1...8 {
      try training.step(
        tensors.enumerated().map { i, tensor in
          i < 2 || step >= 3 ? mixedValues(stream: 16 * step + i, count: tensor.count) : nil
        })
      for (name, expected) in steps["\(step)"] ?? [:] {
        let values = (tensors.first { $0.name == name }?.values ?? training.state(name)).map { Double($0) }
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let found = [norm] + (0..<4).map { values[$0 * (values.count / 4)] }
        // What is added to a small value is as large as what is added to others.
        let least = norm / Double(values.count).squareRoot()
        for (ours, theirs) in zip(found, expected) {
          #expect(
            (ours - theirs).magnitude <= tolerance * max(theirs.magnitude, least),
            "\(name) after step \(step): \(ours), \(theirs)")
        }
      }
    }
  }

  /// λ = 0.1 · 5 / (10 + 0.2 · 5): weights (3, 4), gradient (6, 8).
  @Test func larsByHand() throws {
    let training = try Training<Double>(
      "lars(lr=2, momentum=0.5, weight_decay=0.2, trust_coefficient=0.1, eps=0)", [Tensor("w", [3, 4])])
    try training.step([[6, 8]])
    let trust = 0.1 * 5 / 11.0
    let move = trust * 6.6
    #expect((training.tensors[0].values[0] - (3 - 2 * move)).magnitude < 1e-15)
    #expect((training.state("w/momentum_buffer")[0] - move).magnitude < 1e-15)
  }

  /// On the first step m/(1 − β₁) = g and √v/√(1 − β₂) = |g|, so the direction is the sign: (1, −1, 1, −1), of norm 2.
  @Test(arguments: [(0.0, 5.0), (3.0, 3.0), (7.0, 5.0)]) func lambByHand(clamp: Double, norm: Double) throws {
    let training = try Training<Double>(
      "lamb(lr=0.1, eps=0, weight_decay=0, clamp=\(clamp))", [Tensor("w", [3, 4, 0, 0])])
    try training.step([[0.5, -0.25, 2, -4]])
    let move = 0.1 * norm / 2
    for (found, expected) in zip(training.tensors[0].values, [3 - move, 4 + move, -move, move]) {
      #expect((found - expected).magnitude < 1e-15)
    }
  }

  /// Weights of zero, and gradients of zero, have no norm to go by.
  @Test func nothingIsDividedByZero() throws {
    let zero = [0.0, 0]
    let lars = try Training<Double>(
      "lars(lr=0.5, momentum=0, eps=0)", [Tensor("w", zero), Tensor("g", [3, 4])])
    try lars.step([[1, 2], zero])
    #expect(lars.tensors.map(\.values) == [[-0.5, -1], [3, 4]])
    let lamb = try Training<Double>(
      "lamb(lr=0.5, weight_decay=0)", [Tensor("w", zero), Tensor("g", [3, 4])])
    try lamb.step([[1, 2], zero])
    #expect(zip(lamb.tensors[0].values, [-0.5, -0.5]).allSatisfy { ($0 - $1).magnitude < 1e-6 })
    #expect(lamb.tensors[1].values == [3, 4])
  }

  @Test(arguments: ["lars", "lamb"]) func notANumberIsNotHidden(name: String) throws {
    let training = try Training<Float>(
      name, [Tensor("w", mixedValues(stream: 1, count: 9000)), Tensor("other", [1, 2])])
    var gradient = [Float](repeating: 1, count: 9000)
    gradient[5000] = .nan
    try training.step([gradient, [1, 1]])
    #expect(training.tensors[0].values.allSatisfy { $0.isNaN })
    #expect(training.tensors[1].values.allSatisfy { $0.isFinite })
  }

  /// Vectors go as with Adam or SGD when they shall not adapt, whatever the weight decay; matrices do not.
  @Test func vectorsMayBePlain() throws {
    let start: [Double] = mixedValues(stream: 1, count: 60)
    for (adaptive, plain) in [
      ("lamb(eps=1e-8, weight_decay=0.3, adapt_vectors=false)", "adam(lr=0.001)"),
      ("lars(lr=0.1, weight_decay=0.3, adapt_vectors=false)", "sgd(lr=0.1, momentum=0.9)"),
    ] {
      let training = try Training<Double>(
        adaptive, [Tensor("b", start), Tensor("w", start, shape: [6, 10])])
      let reference = try Training<Double>(plain, [Tensor("b", start)])
      for step in 1...3 {
        let gradient: [Double] = mixedValues(stream: 10 + step, count: 60)
        try training.step([gradient, gradient])
        try reference.step([gradient])
      }
      let expected = reference.tensors[0].values
      #expect(zip(training.tensors[0].values, expected).allSatisfy { ($0 - $1).magnitude < 1e-14 })
      #expect(zip(training.tensors[1].values, expected).contains { ($0 - $1).magnitude > 1e-5 })
    }
  }

  /// The norms of a tensor that is not cut are those of a tensor that is.
  @Test(arguments: ["lars(lr=5, weight_decay=0.1)", "lamb(lr=0.1)"]) func sameBitsUnderAWrapperOfWholeTensors(
    base: String
  )
    throws
  {
    let path = try foreignPlugin("sight", ["-DGRANULARITY=OPTPLUG_GRANULARITY_TENSOR"])
    let start: [Float] = mixedValues(stream: 1, count: 30_000)
    let plain = try Training<Float>(base, [Tensor("w", start)], threads: 2)
    let wrapped = try Training<Float>("\(path)(\(base))", [Tensor("w", start)], threads: 2)
    for step in 1...4 {
      for training in [plain, wrapped] {
        try training.step([mixedValues(stream: 10 + step, count: start.count)])
      }
    }
    #expect(digest(plain.tensors[0].values) == digest(wrapped.tensors[0].values))
  }
}
