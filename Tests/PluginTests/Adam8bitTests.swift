// Adam with moments of 8 bits: against bitsandbytes, against Adam with full moments, and its map of bytes.

import Foundation
import OptimizerHost
import TestSupport
import Testing

private struct Fixture: Decodable {
  struct Trajectory: Decodable {
    let steps: [[String: String]]
    let first: [String: [String]]
    let plain: [String: [String]]
  }
  let maps: [String: [String]]
  let cases: [String: Trajectory]
}

private let fixture = Result {
  let url = Repository.file("Tests/PluginTests/Fixtures/adam8bit.json")
  return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
}
private let caseNames = ((try? fixture.get())?.cases.keys.sorted()) ?? []

extension Training {
  /// A slot of bytes by the name under which it is saved.
  fileprivate func bytes(_ name: String) -> [UInt8] {
    optimizer.state().first { $0.name == name && $0.dtype == .uint8 }?.bytes ?? []
  }

  /// A slot of 32-bit floats, whatever the parameters are.
  fileprivate func floats(_ name: String) -> [Float] {
    optimizer.state().first { $0.name == name && $0.dtype == .float32 }.map { tensor in
      tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    } ?? []
  }
}

@Suite struct Adam8bitTests {
  private static let sizes = [("early", 10_000), ("late", 5_000), ("small", 1_000)]

  @Test func fixtureCoversEveryOption() throws {
    #expect(caseNames.count == 3)
    #expect(try fixture.get().maps.mapValues(\.count) == ["signed": 256, "unsigned": 256])
  }

  /// See scripts/fixtures/make_adam8bit_fixtures.py for what is bitsandbytes' own in these trajectories.
  @Test(arguments: caseNames) func sameBitsAsBitsandbytes(_ expression: String) throws {
    let trajectory = try #require(fixture.get().cases[expression])
    let tensors = Self.sizes.enumerated().map { i, entry in
      Tensor<Float>(entry.0, mixedValues(stream: 1 + i, count: entry.1))
    }
    let training = try Training(expression, tensors, threads: 2, pieceElements: 1000)
    for (i, expected) in trajectory.steps.enumerated() {
      let step = i + 1
      try training.step(
        tensors.enumerated().map { i, tensor in
          tensor.name != "late" || step >= 3 ? mixedValues(stream: 16 * step + i, count: tensor.count) : nil
        })
      for (name, hash) in expected {
        let values =
          tensors.first { $0.name == name }?.values
          ?? (name.hasSuffix("absmax") ? training.floats(name) : training.bytes(name).map { Float($0) })
        #expect(digest(values) == hash, "\(name) after step \(step)")
      }
    }
    let lr = try training.optimizer.value(of: "lr")
    for tensor in tensors {
      let first = tensor.values.prefix(8)
      let expected = try #require(trajectory.first[tensor.name]).compactMap(Float.init)
      if tensor.name == "small" {
        // There bitsandbytes has another order of operations: one rounding more or less.
        #expect(zip(first, expected).allSatisfy { ($0 - $1).magnitude <= 4e-7 * max($1.magnitude, 0.1) })
      } else {
        #expect(Array(first) == expected)
      }
      // With its table for quantization a second moment may be half of what it is here, or more than double.
      let plain = try #require(trajectory.plain[tensor.name]).compactMap(Float.init)
      #expect(plain.count == 8 && zip(first, plain).allSatisfy { Double(($0 - $1).magnitude) < 0.2 * lr })
    }
  }

  /// A first step from zero leaves (1 − β₁) · g in bytes; blocks of gradients make every number of the map visible.
  @Test(arguments: ["signed", "unsigned"]) func everyNumberHasItsByte(_ name: String) throws {
    let numbers = try #require(fixture.get().maps[name]).compactMap(Float.init)
    #expect(numbers == numbers.sorted() && numbers.count == 256)
    let training = try Training<Float>(
      "adam8bit(beta1=0, beta2=0, min_8bit_size=0)", [Tensor("w", [Float](repeating: 1, count: 256))])
    if name == "signed" {
      try training.step([numbers])
      #expect(training.bytes("w/exp_avg") == (0...255).map { $0 })
      #expect(training.floats("w/exp_avg_absmax") == [1])
    } else {
      try training.step([numbers.map { $0.squareRoot() }])
      #expect(training.bytes("w/exp_avg_sq") == (0...255).map { $0 })
      #expect(training.floats("w/exp_avg_sq_absmax") == [1])
    }
  }

  /// Every gradient gets the byte of the nearest number, at the middle between two and beside it, and anywhere else.
  @Test func theNearestNumberWins() throws {
    let numbers = try #require(fixture.get().maps["signed"]).compactMap(Float.init)
    let middles = zip(numbers, numbers.dropFirst()).map { ($0 + $1) / 2 }
    var values = middles + middles.map(\.nextUp) + middles.map(\.nextDown) + numbers.map(\.nextUp)
    values += mixedValues(stream: 3, count: 20_000, as: Float.self)
    values += (0..<20_000).map { i in
      let value = mixedValues(stream: 100 + i, count: 2, as: Double.self)
      return Float((value[0] < 0 ? -1 : 1) * pow(10, -8 * value[1].magnitude))
    }
    // Each block begins with 1, which is then its scale.
    let blocks = stride(from: 0, to: values.count, by: 255).map {
      [1] + values[$0..<min($0 + 255, values.count)]
    }
    let gradient = blocks.flatMap { $0 }
    let training = try Training<Float>(
      "adam8bit(beta1=0, beta2=0)", [Tensor("w", [Float](repeating: 1, count: gradient.count))])
    try training.step([gradient])
    let bytes = training.bytes("w/exp_avg")
    for (value, byte) in zip(gradient, bytes) {
      let nearest = middles.firstIndex { value <= $0 } ?? 255
      #expect(Int(byte) == nearest, "\(value)")
      if Int(byte) != nearest { break }
    }
  }

  /// The first step moves by moments that were never rounded, so it is Adam's; later ones stay close to it.
  @Test func staysCloseToAdam() throws {
    let start: [Float] = mixedValues(stream: 1, count: 20_000)
    let (small, full) = (
      try Training<Float>("adam8bit(lr=0.01)", [Tensor("w", start)], threads: 2),
      try Training<Float>("adam(lr=0.01)", [Tensor("w", start)])
    )
    func step(_ number: Int) throws {
      // A slope that stays, with noise as large as it.
      let noise: [Float] = mixedValues(stream: 10 + number, count: start.count)
      let gradient = zip(start, noise).map { (0.5 + $0.magnitude) * ($0 < 0 ? -1 : 1) + $1 }
      for training in [small, full] { try training.step([gradient]) }
    }
    func distance() -> Double {
      let (a, b) = (small.tensors[0].values, full.tensors[0].values)
      var (apart, walked) = (0.0, 0.0)
      for i in start.indices {
        apart += Double((a[i] - b[i]) * (a[i] - b[i]))
        walked += Double((b[i] - start[i]) * (b[i] - start[i]))
      }
      return (apart / walked).squareRoot()
    }
    try step(1)
    #expect(distance() < 1e-6)
    for number in 2...50 { try step(number) }
    #expect((1e-5..<0.02).contains(distance()))
    // A step rounds by at most half of the widest gap of each map, times the greatest of the block: 0.71 % and 0.36 %.
    // Errors decay as the means do; they mostly cancel.
    let maps = try fixture.get().maps.mapValues { $0.compactMap(Float.init) }
    for (slot, map, decay, gap) in [
      ("exp_avg", "signed", 0.9, 0.0071), ("exp_avg_sq", "unsigned", 0.999, 0.0036),
    ] {
      let (numbers, exact) = (try #require(maps[map]), full.state("w/\(slot)"))
      let (bytes, scales) = (small.bytes("w/\(slot)"), small.floats("w/\(slot)_absmax"))
      let errors = exact.indices.map { i in
        Double((numbers[Int(bytes[i])] * scales[i / 256] - exact[i]).magnitude / scales[i / 256])
      }
      #expect((errors.max() ?? .nan) < gap * (1 - pow(decay, 50)) / (1 - decay))
      #expect(errors.reduce(0, +) / Double(errors.count) < 3 * gap)
    }
  }

  @Test func slotsAreSmall() throws {
    let training = try Training<Float>(
      "adam8bit",
      [Tensor("w", [Float](repeating: 1, count: 4097)), Tensor("b", [Float](repeating: 1, count: 4095))])
    let slots = training.optimizer.state().filter {
      !$0.name.hasPrefix("optimizer/") && !$0.name.hasSuffix("step")
    }
    let found = Dictionary(uniqueKeysWithValues: slots.map { ($0.name, "\($0.dtype) \($0.shape)") })
    #expect(
      found == [
        "w/exp_avg": "uint8 [4097]", "w/exp_avg_sq": "uint8 [4097]", "w/exp_avg_absmax": "float32 [17]",
        "w/exp_avg_sq_absmax": "float32 [17]", "b/exp_avg": "float32 [4095]",
        "b/exp_avg_sq": "float32 [4095]",
      ])
    #expect(training.optimizer.stateBytes == 2 * 4097 + 2 * 17 * 4 + 2 * 4095 * 4)
  }

  @Test func whatIsNotANumberStaysInItsBlock() throws {
    let training = try Training<Double>(
      "adam8bit(min_8bit_size=0)", [Tensor("w", [Double](repeating: 1, count: 1000))])
    var gradient = [Double](repeating: 1, count: 1000)
    gradient[300] = .nan
    try training.step([gradient])
    try training.step([[Double](repeating: 1, count: 1000)])
    let values = training.tensors[0].values
    #expect(values[256..<512].allSatisfy { $0.isNaN })
    #expect(values[..<256].allSatisfy { $0.isFinite } && values[512...].allSatisfy { $0.isFinite })
  }

  /// A gradient far below the others of its block, and then none: the second moment must not have become 0.
  @Test func noStepIsHuge() throws {
    let training = try Training<Float>(
      "adam8bit(lr=0.001)", [Tensor("w", [Float](repeating: 0, count: 4096))])
    for step in 1...6 {
      let before = training.tensors[0].values
      var gradient = [Float](repeating: 0.1, count: 4096)
      gradient[5] = step == 6 ? 0 : 2e-5
      try training.step([gradient])
      #expect(training.bytes("w/exp_avg_sq")[5] > 0)
      let longest = zip(training.tensors[0].values, before).map { ($0 - $1).magnitude }.max() ?? .nan
      #expect(longest < 0.003)
    }
  }

  @Test func maximizingIsGoingDownTheNegative() throws {
    let start: [Float] = mixedValues(stream: 1, count: 5000)
    let up = try Training<Float>("adam8bit(maximize=true)", [Tensor("w", start)])
    let down = try Training<Float>("adam8bit", [Tensor("w", start)])
    for step in 1...3 {
      let gradient: [Float] = mixedValues(stream: 10 + step, count: 5000)
      try up.step([gradient])
      try down.step([gradient.map { -$0 }])
    }
    #expect(up.tensors[0].values == down.tensors[0].values && up.tensors[0].values != start)
  }

  /// Without a gradient there is nothing to scale by.
  @Test func zerosStayZeros() throws {
    let training = try Training<Float>("adam8bit(min_8bit_size=0)", [Tensor("w", [1, -2, 3])])
    for _ in 1...3 { try training.step([[0, 0, 0]]) }
    #expect(training.tensors[0].values == [1, -2, 3])
    #expect(training.floats("w/exp_avg_absmax") == [0])
  }
}
