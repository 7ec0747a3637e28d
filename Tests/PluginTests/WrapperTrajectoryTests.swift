// SAM, Schedule-Free and gradient centralization against other libraries.

import Foundation
import OptimizerHost
import TestSupport
import Testing

private struct Fixture: Decodable {
  struct Trajectory: Decodable {
    /// By step and tensor.
    let steps: [String: [String: [Double]]]
    let evaluation: [String: [Double]]
  }
  let libraries: [String]
  let cases: [String: Trajectory]
}

private let fixture = Result {
  let url = Repository.file("Tests/PluginTests/Fixtures/wrappers.json")
  return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
}
private let caseNames = ((try? fixture.get())?.cases.keys.sorted()) ?? []

/// Trajectories of scripts/fixtures/make_wrapper_fixtures.py.
@Suite struct WrapperTrajectoryTests {
  @Test func fixtureCoversEveryWrapper() throws {
    #expect(
      try fixture.get().libraries == ["torch 2.13.0+cpu", "pytorch-optimizer 4.1.0", "schedulefree 1.4.1"])
    #expect(caseNames.count == 16)
    for name in ["sam", "schedulefree", "gradient-centralization"] {
      #expect(caseNames.contains { $0.hasPrefix("float64 \(name)(") })
    }
  }

  /// The others sum norms and means, and move averages, in other orders and partly in 32 bits: a few roundings in six
  /// steps, which p³ and Adam's quotients carry on.
  @Test(arguments: caseNames) func agrees(_ name: String) throws {
    let parts = name.split(separator: " ", maxSplits: 1).map(String.init)
    let trajectory = try #require(fixture.get().cases[name])
    if parts[0] == "float32" {
      try follow(trajectory, parts[1], Float.self, tolerance: 3e-7)
    } else {
      try follow(trajectory, parts[1], Double.self, tolerance: 5e-16)
    }
  }

  private func follow<T: BitPatterned>(
    _ trajectory: Fixture.Trajectory, _ expression: String, _: T.Type, tolerance: Double
  ) throws {
    let shapes = ["conv": [4, 3, 2, 2], "dense": [5, 4], "bias": [7]]
    let tensors = ["conv", "dense", "bias"].enumerated().map { i, name in
      let shape = shapes[name] ?? []
      return Tensor<T>(name, mixedValues(stream: 1 + i, count: shape.reduce(1, *)), shape: shape)
    }
    let training = try Training(expression, tensors, threads: 2, pieceElements: 16)
    func expect(_ expected: [String: [Double]]?, _ when: String) throws {
      let expected = try #require(expected)
      for tensor in tensors {
        let values = try #require(expected[tensor.name])
        #expect(values.count == tensor.count)
        let worst = zip(tensor.values, values).map { (Double($0) - $1).magnitude }.max() ?? .infinity
        #expect(worst <= tolerance, "\(tensor.name) \(when) is off by \(worst)")
      }
    }
    for step in 1...6 {
      let factors: [[T]] = tensors.enumerated().map { i, tensor in
        mixedValues(stream: 16 * step + i, count: tensor.count)
      }
      try training.step {
        let gradients = zip(factors, tensors).map { factors, tensor in
          zip(factors, tensor.values).map { a, p in a * p + p * p * p }
        }
        return (.nan, gradients)
      }
      if [1, 2, 6].contains(step) { try expect(trajectory.steps["\(step)"], "after step \(step)") }
    }
    try training.optimizer.withEvaluationWeights { try expect(trajectory.evaluation, "in evaluation") }
    try expect(trajectory.steps["6"], "after evaluation")
  }
}
