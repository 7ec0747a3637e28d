// SAM walked by hand, and what it must leave as it was.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct SAMTests {
  /// The loss (p₀² + 4 p₁²)/2 over two tensors: the gradient is the matrix (1, 4) times the weights.
  private func step(_ training: Training<Double>) throws -> [[Double]] {
    var seen: [[Double]] = []
    try training.step {
      let weights = training.tensors.map { $0.values[0] }
      seen.append(weights)
      return (.nan, [[weights[0]], [4 * weights[1]]])
    }
    return seen
  }

  @Test func theSecondGradientIsTakenNearby() throws {
    let training = try Training<Double>("sam(rho=1, sgd(lr=0.1))", [Tensor("a", [3]), Tensor("b", [1])])
    let seen = try step(training)
    // The gradient (3, 4) has the length 5, over both tensors.
    let nearby = [3 + 0.6, 1 + 0.8]
    #expect(seen.count == 2 && seen[0] == [3, 1])
    #expect(zip(seen[1], nearby).allSatisfy { ($0 - $1).magnitude < 1e-11 })
    #expect((training.tensors[0].values[0] - (3 - 0.1 * 3.6)).magnitude < 1e-11)
    #expect((training.tensors[1].values[0] - (1 - 0.1 * 4 * 1.8)).magnitude < 1e-11)
  }

  @Test func adaptiveMeasuresInUnitsOfTheWeights() throws {
    let training = try Training<Double>(
      "sam(rho=1, adaptive=true, sgd(lr=0.1))", [Tensor("a", [3]), Tensor("b", [1])])
    let seen = try step(training)
    // (|p| g) = (9, 4); p² g = (27, 4).
    let length = 97.0.squareRoot()
    #expect((seen[1][0] - (3 + 27 / length)).magnitude < 1e-11)
    #expect((seen[1][1] - (1 + 4 / length)).magnitude < 1e-11)
  }

  @Test func groupsReachTheirOwnDistances() throws {
    let training = try Training<Double>(
      "sam(sgd)", [Tensor("a", [3]), Tensor("b", [1], group: 1)],
      groups: [
        ParameterGroup(name: "far", hyperparameters: ["rho": 5]),
        ParameterGroup(name: "near", hyperparameters: ["rho": 0]),
      ])
    let seen = try step(training)
    #expect((seen[1][0] - 6).magnitude < 1e-11 && seen[1][1] == 1)
  }

  /// Every bit comes back, of values too that arithmetic would not bring back: the base ends where it ends alone.
  @Test(arguments: ["sgd(lr=0)", "adam(lr=0.01)", "lookahead(k=2, alpha=1, sgd(lr=0.1))"])
  func theWeightsComeBackExactly(base: String) throws {
    let values: [Float] =
      mixedValues(stream: 1, count: 5000) + [
        .infinity, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
      ]
    let sam = try Training("sam(rho=100, \(base))", [Tensor("w", values)], threads: 2, pieceElements: 512)
    let plain = try Training(base, [Tensor("w", values)])
    for number in 1...3 {
      // Gradients that do not depend on where they are taken.
      let gradient: [Float] = mixedValues(stream: number, count: values.count)
      var seen: [String] = []
      try sam.step {
        seen.append(digest(sam.tensors[0].values))
        return (.nan, [gradient])
      }
      #expect(Set(seen).count == 2)
      try plain.step([gradient])
      #expect(digest(sam.tensors[0].values) == digest(plain.tensors[0].values))
    }
  }

  @Test(arguments: ["sgd(lr=0.1, momentum=0.9)", "adamw(amsgrad=true)", "lookahead(k=2, adam)"])
  func reachingNowhereIsTheBaseBitForBit(base: String) throws {
    let start: [Float] = mixedValues(stream: 1, count: 3000)
    let plain = try Training(base, [Tensor("w", start)])
    let sam = try Training("sam(rho=0, \(base))", [Tensor("w", start)])
    for _ in 1...5 {
      for training in [plain, sam] {
        try training.step(clippingNorm: 2, scale: 0.5) {
          (.nan, training.tensors.map { $0.values.map { $0 * 2 - 0.1 } })
        }
      }
      #expect(digest(plain.tensors[0].values) == digest(sam.tensors[0].values))
    }
  }

  /// A gradient of zero has no direction; then the step is the base's.
  @Test func aVanishingGradientMovesNothing() throws {
    let training = try Training<Double>("sam(sgd(lr=1))", [Tensor("a", [3]), Tensor("idle", [1])])
    try training.step { (.nan, [[0], nil]) }
    #expect(training.tensors.map(\.values) == [[3], [1]])
  }

  /// The norm is clipped in the first pass, which changes nothing but its length, and in the second.
  @Test func bothGradientsAreClipped() throws {
    let training = try Training<Double>("sam(rho=1, sgd(lr=1))", start: 10)
    let norm = try training.step(clippingNorm: 2) { (.nan, [training.tensors[0].values]) }
    #expect(norm == 10)
    #expect((training.tensors[0].values[0] - 8).magnitude < 1e-5)
  }

  @Test func samOverSAMEvaluatesThreeTimes() throws {
    let training = try Training<Double>("sam(rho=1, sam(rho=0.5, sgd(lr=0.5)))", start: 4)
    var seen: [Double] = []
    try training.step {
      seen.append(training.tensors[0].values[0])
      return (.nan, [training.tensors[0].values])
    }
    #expect(seen.count == 3)
    #expect(zip(seen, [4, 5, 4.5]).allSatisfy { ($0 - $1).magnitude < 1e-11 })
    #expect((training.tensors[0].values[0] - (4 - 0.5 * 4.5)).magnitude < 1e-11)
  }

  /// It has no evaluation weights of its own, so those of its base are seen.
  @Test func evaluationSeesTheBasesWeights() throws {
    let training = try Training<Double>("sam(lookahead(k=2, alpha=0.5, sgd(lr=1)))", start: 8)
    try training.step { (.nan, [[1]]) }
    try training.optimizer.withEvaluationWeights { #expect(training.tensors[0].values == [8]) }
    #expect(training.tensors[0].values == [7])
    #expect(try !Training<Double>("sam(sgd)", start: 8).optimizer.hasEvaluationWeights)
  }

  @Test func sixteenBitWeightsAreSeenPerturbed() throws {
    var stored: [UInt16] = [0x4000, 0x3F80]  // 2 and 1 in bfloat16
    try stored.withUnsafeMutableBytes { bytes in
      let memory = try #require(bytes.baseAddress)
      let optimizer = try Optimizer(
        "sam(rho=1, sgd(lr=0))", registry: BuildProducts.registry(),
        parameters: [Parameter(name: "w", shape: [2], dtype: .bfloat16, values: memory)])
      let gradient: [UInt16] = [0x3F80, 0]
      try gradient.withUnsafeBytes { gradient in
        var seen: [UInt16] = []
        try withoutActuallyEscaping({ () throws -> Double in
          seen = [memory.load(as: UInt16.self), memory.load(fromByteOffset: 2, as: UInt16.self)]
          return .nan
        }) { reevaluate in
          _ = try optimizer.step(gradients: [gradient.baseAddress], reevaluate: reevaluate)
        }
        #expect(seen == [0x4040, 0x3F80])
      }
    }
    #expect(stored == [0x4000, 0x3F80])
  }
}
