// Adafactor and Muon against torch.optim, to what their order of summation allows.

import Foundation
import OptimizerHost
import TestSupport
import Testing

private struct Fixture: Decodable {
  /// Per step and tensor or slot: the root mean square of all elements, then every thirteenth.
  let cases: [String: [String: [String: [Double]]]]
}

private let fixture = Result {
  let url = Repository.file("Tests/PluginTests/Fixtures/torch-tensors.json")
  return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
}
private let caseNames = ((try? fixture.get())?.cases.keys.sorted()) ?? []

/// Trajectories that PyTorch computed, see scripts/fixtures/make_tensor_fixtures.py.
///
/// Bits cannot agree: torch adds up norms, means and products in an order of its own, in float32 where the plugins take
/// sums in double, and the BLAS of this machine has an order too. Each element may differ by `tolerance` times the
/// greatest of its tensor.
/// - float32, 1e-6: sixteen roundings (2⁻²⁴ each); two are found on x86-64.
/// - float64, 2e-15: the same number of roundings at 2⁻⁵³. An optimizer that left out a term could not come so close.
/// - bfloat16, 2e-3: torch rounds each product of Muon's iteration to 8 bits (2⁻⁹), and six steps of 0.02 move the weights
///   by a tenth; 6e-4 is found.
@Suite struct TensorTrajectoryTests {
  private static let shapes: [(name: String, shape: [Int])] = [
    ("wide", [9, 40]), ("tall", [40, 9]), ("filters", [6, 5, 3, 3]), ("square", [12, 12]), ("vector", [50]),
    ("number", []),
  ]

  @Test func fixtureCoversEveryOption() {
    #expect(caseNames.count == 13)
  }

  @Test(arguments: caseNames) func followsTorch(_ name: String) throws {
    let parts = name.split(separator: " ", maxSplits: 1).map(String.init)
    let steps = try #require(fixture.get().cases[name])
    switch parts[0] {
    case "float64": try follow(steps, parts[1], tolerance: 2e-15, Double.self)
    case "float32": try follow(steps, parts[1], tolerance: 1e-6, Float.self)
    default: try follow(steps, parts[1], tolerance: 2e-3, Float.self)
    }
  }

  private func follow<T: BitPatterned>(
    _ steps: [String: [String: [Double]]], _ expression: String, tolerance: Double, _: T.Type
  ) throws {
    let tensors = Self.shapes.enumerated().map { i, tensor in
      Tensor<T>(
        tensor.name, mixedValues(stream: 1 + i, count: tensor.shape.reduce(1, *)), shape: tensor.shape)
    }
    let training = try Training(expression, tensors, threads: 2, pieceElements: 100)
    for step in 1...6 {
      try training.step(
        tensors.enumerated().map { i, tensor in
          tensor.name == "wide" && step == 2 ? nil : mixedValues(stream: 64 * step + i, count: tensor.count)
        })
      for (name, expected) in (steps["\(step)"] ?? [:]).sorted(by: { $0.key < $1.key }) {
        let values = (tensors.first { $0.name == name }?.values ?? training.state(name)).map { Double($0) }
        let rms = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        let sample = [rms] + stride(from: 0, to: values.count, by: 13).map { values[$0] }
        try #require(sample.count == expected.count, "\(name)")
        let greatest = values.map(\.magnitude).max() ?? 0
        let worst = zip(sample, expected).map { ($0 - $1).magnitude }.max() ?? 0
        #expect(worst <= tolerance * greatest, "\(name) after step \(step): off by \(worst / greatest)")
      }
    }
  }
}
