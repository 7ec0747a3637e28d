// Gradients clipped by value and adaptively, against PyTorch's and timm's.

import ConvNet
import Foundation
import Testing

@testable import Training

/// What scripts/fixtures/make_clipping_fixtures.py wrote.
private struct ClippingFixture: Decodable {
  struct Summary: Decodable {
    let name: String
    let norm: Double
    let samples: [Double]
  }

  let stride: Int
  let none, value, adaptive: [Summary]

  static func load() throws -> ClippingFixture {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/clipping.json")
    return try JSONDecoder().decode(ClippingFixture.self, from: Data(contentsOf: file))
  }
}

@Suite struct ClippingTests {
  /// The script's formula.
  private static func value(_ seed: Int, _ index: Int) -> Float {
    let raw = (index * 2_654_435_761 + seed * 40503 + index / 7 * 97) % 1024 - 512
    return Float(raw) / 1024
  }

  /// A LeNet with the script's parameters and gradients.
  private static func network(threads: Int) throws -> Network {
    let network = try Network(
      .lenet, input: InputShape(channels: 1, height: 28, width: 28), classes: 10, batchSize: 1, seed: 0,
      threads: threads)
    for (place, parameter) in network.parameters.enumerated() {
      let rowLength = parameter.values.count / parameter.shape[0]
      for index in parameter.values.indices {
        parameter.values[index] = value(place, index) / 16
        let scale: Float = index / rowLength % 3 == 0 ? 1 : 1 / 256
        parameter.gradient[index] = value(100 + place, index) * scale
      }
    }
    return network
  }

  private func expect(
    _ network: Network, _ fixture: ClippingFixture, _ expected: [ClippingFixture.Summary]
  ) {
    #expect(network.parameters.map(\.name) == expected.map(\.name))
    for (parameter, expected) in zip(network.parameters, expected) {
      let norm = parameter.gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      // timm sums norms in float32.
      #expect(
        abs(norm - expected.norm) <= 1e-5 * expected.norm, "\(parameter.name): \(norm), \(expected.norm)")
      let samples = stride(from: 0, to: parameter.gradient.count, by: fixture.stride)
        .map { Double(parameter.gradient[$0]) }
      for (found, exact) in zip(samples, expected.samples) {
        #expect(abs(found - exact) <= 1e-5 * abs(exact), "\(parameter.name)")
      }
    }
  }

  @Test(arguments: [1, 2]) func agreesWithTorchAndTimm(threads: Int) throws {
    let fixture = try ClippingFixture.load()
    expect(try Self.network(threads: threads), fixture, fixture.none)
    let byValue = try Self.network(threads: threads)
    Gradients(of: byValue).clip(toValue: 0.125)
    expect(byValue, fixture, fixture.value)
    let adaptive = try Self.network(threads: threads)
    Gradients(of: adaptive).clipAdaptively(factor: 0.5)
    expect(adaptive, fixture, fixture.adaptive)
  }

  /// What diverged must not look sound after clipping.
  @Test func whatIsNoNumberStaysSo() throws {
    let network = try Self.network(threads: 1)
    network.parameters[0].gradient[3] = .nan
    Gradients(of: network).clip(toValue: 0.125)
    #expect(network.parameters[0].gradient[3].isNaN)
    Gradients(of: network).clipAdaptively(factor: 0.5)
    #expect(network.parameters[0].gradient[3].isNaN)
  }

  /// Three batches of 1, 2 and 3 images weigh as many images.
  @Test func averagesOverImages() throws {
    let network = try Self.network(threads: 2)
    let gradients = Gradients(of: network)
    let tensor = network.parameters[4].gradient
    for (place, weight) in [1, 2, 3].enumerated() {
      for parameter in network.parameters { parameter.gradient.update(repeating: Float(place + 1)) }
      gradients.add(weight: weight, isFirst: place == 0)
    }
    gradients.finishMean(count: 6)
    #expect(tensor.allSatisfy { abs($0 - 14 / 6) < 1e-6 })
    #expect(network.parameters.allSatisfy { $0.gradient.allSatisfy { abs($0 - 14 / 6) < 1e-6 } })
  }
}
