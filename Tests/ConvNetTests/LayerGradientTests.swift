// Every layer's output and gradients against double-precision references and central differences of them.

import Testing

@testable import ConvNet

/// A layer, its input's shape, and the same layer in double precision.
struct LayerCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let input: [Int]
  /// Passes through a 1x1 convolution first, so that the layer meets blocked channels.
  var blocked = false
  /// Inputs lie in -range...range.
  var range = 1.0
  let make: @Sendable (ParameterStore) throws -> any Layer
  /// Parameters come in the order of their declaration.
  let reference: @Sendable (Reference, [Reference]) -> Reference

  static func convolution(
    _ input: [Int], to outputs: Int, size: Int, stride: Int, padding: Int, bias: Bool
  ) -> LayerCase {
    LayerCase(
      testDescription: "convolution \(size)x\(size) stride \(stride) of \(input) to \(outputs)", input: input,
      make: {
        Convolution(
          "layer", from: input[1], to: outputs,
          window: Window(size: size, stride: stride, padding: padding), bias: bias, in: $0)
      },
      reference: {
        convolve($0, $1[0], bias: bias ? $1[1].values : nil, stride: stride, padding: padding)
      })
  }

  static func maxPooling(
    _ input: [Int], size: Int, stride: Int, padding: Int, blocked: Bool
  ) -> LayerCase {
    LayerCase(
      testDescription: "max-pool \(size)/\(stride) of \(input)\(blocked ? ", blocked" : "")", input: input,
      blocked: blocked,
      make: { _ in
        MaxPooling(name: "layer", window: Window(size: size, stride: stride, padding: padding))
      },
      reference: { input, _ in maxPool(input, size: size, stride: stride, padding: padding) })
  }

  static func averagePooling(
    _ input: [Int], size: Int, stride: Int, padding: Int, blocked: Bool
  ) -> LayerCase {
    LayerCase(
      testDescription: "average-pool \(size)/\(stride) of \(input)\(blocked ? ", blocked" : "")",
      input: input, blocked: blocked,
      make: { _ in
        AveragePooling(name: "layer", window: Window(size: size, stride: stride, padding: padding))
      },
      reference: { input, _ in averagePool(input, size: size, stride: stride, padding: padding) })
  }

  static func residual(_ input: [Int], to outputs: Int, stride: Int) -> LayerCase {
    LayerCase(
      testDescription: "residual block \(input) to \(outputs), stride \(stride)", input: input,
      make: { ResidualBlock("layer", from: input[1], to: outputs, stride: stride, in: $0) },
      reference: { input, p in
        var branch = convolve(input, p[0], bias: nil, stride: stride, padding: 1)
        branch = rectify(normalize(branch, scale: p[1].values, shift: p[2].values))
        branch = convolve(branch, p[3], bias: nil, stride: 1, padding: 1)
        branch = normalize(branch, scale: p[4].values, shift: p[5].values)
        guard p.count > 6 else { return rectify(add(branch, input)) }
        let shortcut = convolve(input, p[6], bias: nil, stride: stride, padding: 0)
        return rectify(add(branch, normalize(shortcut, scale: p[7].values, shift: p[8].values)))
      })
  }

  static let all: [LayerCase] = [
    .convolution([2, 1, 9, 9], to: 6, size: 5, stride: 1, padding: 2, bias: true),
    .convolution([2, 6, 8, 7], to: 16, size: 5, stride: 1, padding: 0, bias: true),
    .convolution([2, 3, 8, 8], to: 16, size: 3, stride: 1, padding: 1, bias: false),
    .convolution([2, 8, 8, 8], to: 16, size: 3, stride: 2, padding: 1, bias: false),
    .convolution([3, 16, 6, 6], to: 8, size: 1, stride: 2, padding: 0, bias: false),
    .convolution([1, 2, 5, 5], to: 5, size: 3, stride: 1, padding: 1, bias: true),
    .maxPooling([2, 3, 6, 6], size: 2, stride: 2, padding: 0, blocked: false),
    .maxPooling([2, 16, 7, 5], size: 2, stride: 2, padding: 0, blocked: true),
    .maxPooling([2, 6, 7, 7], size: 3, stride: 2, padding: 1, blocked: true),
    .averagePooling([2, 3, 6, 6], size: 2, stride: 2, padding: 0, blocked: false),
    .averagePooling([2, 16, 7, 5], size: 2, stride: 2, padding: 0, blocked: true),
    .averagePooling([2, 6, 7, 7], size: 3, stride: 2, padding: 1, blocked: true),
    .averagePooling([1, 3, 5, 6], size: 3, stride: 1, padding: 1, blocked: false),
    .averagePooling([2, 8, 1, 3], size: 4, stride: 1, padding: 2, blocked: true),
    .residual([2, 8, 6, 6], to: 8, stride: 1),
    .residual([2, 8, 6, 6], to: 16, stride: 2),
    LayerCase(
      testDescription: "dense", input: [3, 10], make: { Dense("layer", from: 10, to: 7, in: $0) },
      reference: { dense($0, $1[0], $1[1].values) }),
    LayerCase(
      testDescription: "batch norm", input: [3, 8, 4, 5], blocked: true,
      make: { BatchNormalization("layer", channels: 8, in: $0) },
      reference: { normalize($0, scale: $1[0].values, shift: $1[1].values) }),
    LayerCase(
      testDescription: "batch norm of plain channels", input: [3, 5, 4, 5],
      make: { BatchNormalization("layer", channels: 5, in: $0) },
      reference: { normalize($0, scale: $1[0].values, shift: $1[1].values) }),
    LayerCase(
      testDescription: "batch norm with ReLU", input: [3, 16, 4, 5], blocked: true,
      make: { BatchNormalization("layer", channels: 16, relu: true, in: $0) },
      reference: { rectify(normalize($0, scale: $1[0].values, shift: $1[1].values)) }),
    LayerCase(
      testDescription: "ReLU", input: [2, 5, 4, 4], make: { _ in Rectifier("layer") },
      reference: { input, _ in rectify(input) }),
    LayerCase(
      testDescription: "LeakyReLU, blocked", input: [2, 5, 4, 4], blocked: true,
      make: { _ in Rectifier("layer", slope: 0.01) },
      reference: { input, _ in rectify(input, slope: Double(Float(0.01))) }),
    LayerCase(
      testDescription: "global average", input: [2, 12, 3, 5], blocked: true,
      make: { _ in GlobalAveragePooling(name: "layer") }, reference: { input, _ in average(input) }),
    LayerCase(
      testDescription: "global average, plain", input: [2, 3, 4, 4],
      make: { _ in GlobalAveragePooling(name: "layer") }, reference: { input, _ in average(input) }),
    LayerCase(
      testDescription: "flatten", input: [2, 6, 3, 4], blocked: true,
      make: { _ in Flatten(name: "layer") },
      reference: { input, _ in Reference([2, 72], input.values) }),
  ]
}

@Suite struct LayerGradientTests {
  @Test(arguments: LayerCase.all + LayerCase.later) func outputAndGradientsMatchReference(_ layer: LayerCase)
    throws
  {
    let probe = try LayerProbe(layer.input) { store in
      guard layer.blocked else { return try layer.make(store) }
      // Declared after the layer's own, so that those come first.
      let inner = try layer.make(store)
      return Sequential([passThrough(channels: layer.input[1], in: store), inner])
    }
    if layer.blocked { probe.set("pass.weight", identity(layer.input[1])) }
    let own = probe.store.parameters.filter { $0.name != "pass.weight" }
    var parameters: [Reference] = []
    for (index, parameter) in own.enumerated() {
      let random = CounterFormula.uniform(20 + index, count: parameter.values.count)
      probe.set(parameter.name, parameter.kind == .norm ? random.map { 0.9 + 0.3 * $0 } : random)
      parameters.append(Reference(parameter.shape, parameter.values.map { Double($0) }))
    }
    let values = CounterFormula.uniform(1, count: layer.input.reduce(1, *)).map {
      Double(Float($0 * layer.range))
    }
    let input = Reference(layer.input, values)
    let upstream = CounterFormula.uniform(2, count: probe.outputShape.reduce(1, *))
    let found = try probe.run(input.values, upstream: upstream)

    let expected = layer.reference(input, parameters)
    #expect(probe.outputShape == expected.shape)
    let largest = expected.values.map(abs).max() ?? 1
    for (value, reference) in zip(found.output, expected.values) {
      #expect(abs(Double(value) - reference) <= 3e-6 * max(largest, 1))
    }

    /// <upstream, layer(...)> in double precision.
    func objective(_ input: Reference, _ parameters: [Reference]) -> Double {
      zip(layer.reference(input, parameters).values, upstream).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let h = 1e-6
    for trial in 0..<3 {
      let direction = CounterFormula.uniform(100 + trial, count: input.values.count)
      var (up, down) = (input, input)
      for (index, value) in direction.enumerated() {
        up.values[index] += h * value
        down.values[index] -= h * value
      }
      let slope = (objective(up, parameters) - objective(down, parameters)) / (2 * h)
      expectSlope(found.gradient, direction, slope, "input")
      for (position, parameter) in own.enumerated() {
        let direction = CounterFormula.uniform(
          200 + 10 * position + trial, count: parameter.values.count)
        var (up, down) = (parameters, parameters)
        for (index, value) in direction.enumerated() {
          up[position].values[index] += h * value
          down[position].values[index] -= h * value
        }
        let slope = (objective(input, up) - objective(input, down)) / (2 * h)
        expectSlope(Array(parameter.gradient), direction, slope, parameter.name)
      }
    }
  }

  private func expectSlope(_ gradient: [Float], _ direction: [Double], _ slope: Double, _ what: String) {
    let terms = zip(gradient, direction).map { Double($0) * $1 }
    let scale = terms.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let found = terms.reduce(0, +)
    #expect(abs(found - slope) <= 2e-5 * max(scale, 1e-2), "\(what): \(found), by differences \(slope)")
  }

  @Test func lossMatchesReferenceAndDifferences() throws {
    let (rows, classes) = (5, 7)
    let step = StepState()
    let device = try OneDNNDevice(threads: 1)
    let program = Program(
      mode: .training, count: rows, step: step, parameters: try ParameterStore(), device: device,
      arena: try Arena())
    let logits = try device.loadImages([rows, classes], on: program)
    let gradient = try #require(try device.softmaxLoss(logits, on: program))
    program.keep(gradient)
    try program.plan()
    // One row is far from the others, where a softmax without its largest logit taken out overflows.
    var values = CounterFormula.uniform(3, count: rows * classes).map { 4 * $0 }
    for index in 0..<classes { values[index] += 500 }
    let labels: [Int32] = [0, 6, 3, 3, 1]
    let images = values.map { Float($0) }
    images.withUnsafeBufferPointer { images in
      labels.withUnsafeBufferPointer { labels in
        step.images = images.baseAddress
        step.targets = labels.baseAddress.map { Targets(labels: $0) }
        #expect(throws: Never.self) { try program.run() }
      }
    }
    let exact = Reference([rows, classes], images.map { Double($0) })
    #expect(abs(step.lossSum - crossEntropy(exact, labels)) < 1e-10)
    let h = 1e-5
    for index in exact.values.indices {
      var (up, down) = (exact, exact)
      up.values[index] += h
      down.values[index] -= h
      let slope = (crossEntropy(up, labels) - crossEntropy(down, labels)) / (2 * h) / Double(rows)
      #expect(abs(Double(gradient.floats[index]) - slope) < 1e-7)
    }
  }
}
