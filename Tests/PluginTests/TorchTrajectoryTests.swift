// SGD, Adam and AdamW against torch.optim, bit for bit.

import Foundation
import OptimizerHost
import TestSupport
import Testing

private struct Fixture: Decodable {
  struct Trajectory: Decodable {
    let steps: [[String: String]]
    let first: [String]
  }
  let cases: [String: Trajectory]
}

private let fixture = Result {
  let url = Repository.file("Tests/PluginTests/Fixtures/torch-optim.json")
  return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
}
private let caseNames = ((try? fixture.get())?.cases.keys.sorted()) ?? []

/// Trajectories that PyTorch computed, see scripts/fixtures/make_optimizer_fixtures.py.
@Suite struct TorchTrajectoryTests {
  @Test func fixtureCoversEveryOption() throws {
    #expect(caseNames.count == 32)
  }

  @Test(arguments: caseNames) func sameBitsAsTorch(_ name: String) throws {
    let parts = name.split(separator: " ", maxSplits: 1).map(String.init)
    let trajectory = try #require(fixture.get().cases[name])
    if parts[0] == "float32" {
      try follow(trajectory, parts[1], Float.self)
    } else {
      try follow(trajectory, parts[1], Double.self)
    }
  }

  private func follow<T: BitPatterned>(_ trajectory: Fixture.Trajectory, _ expression: String, _: T.Type)
    throws
  {
    let early = Tensor<T>("early", mixedValues(stream: 1, count: 10_240))
    let late = Tensor<T>("late", mixedValues(stream: 2, count: 1_024))
    let training = try Training(expression, [early, late], threads: 2, pieceElements: 1000)
    for (i, expected) in trajectory.steps.enumerated() {
      let step = i + 1
      try training.step([
        mixedValues(stream: 16 * step, count: 10_240),
        step >= 3 ? mixedValues(stream: 16 * step + 1, count: 1_024) : nil,
      ])
      for (name, hash) in expected.sorted(by: { $0.key < $1.key }) {
        let values = name == "early" ? early.values : name == "late" ? late.values : training.state(name)
        #expect(digest(values) == hash, "\(name) after step \(step)")
      }
    }
    #expect(early.values.prefix(8).map { Double($0) } == trajectory.first.compactMap(Double.init))
  }
}
