// Adafactor: the shapes of its state, and steps that can be worked out by hand.

import OptimizerHost
import TestSupport
import Testing

@Suite struct AdafactorTests {
  /// State grows with rows plus columns, not with their product.
  @Test func slotsAreRowsAndColumns() throws {
    let shapes = [
      [3, 4], [5, 6, 2, 7], [9], [], [0, 4], [1, 2, 1, 1, 1, 1, 1, 1, 3, 2],
    ]
    let training = try Training<Float>(
      "adafactor",
      shapes.enumerated().map { i, shape in
        Tensor("t\(i)", mixedValues(stream: i, count: shape.reduce(1, *)), shape: shape)
      })
    try training.step(training.tensors.map { mixedValues(stream: 7, count: $0.count) })
    let slots = training.optimizer.state().filter {
      !$0.name.hasPrefix("optimizer/") && !$0.name.hasSuffix("/step")
    }
    let found = Dictionary(uniqueKeysWithValues: slots.map { ($0.name, $0.shape) })
    let expected: [String: [Int]] = [
      "t0/exp_avg_sq_row": [3], "t0/exp_avg_sq_col": [4],
      "t1/exp_avg_sq_row": [5, 6, 2], "t1/exp_avg_sq_col": [5, 6, 7],
      "t2/exp_avg_sq": [9], "t3/exp_avg_sq": [],
      "t4/exp_avg_sq_row": [0], "t4/exp_avg_sq_col": [4],
      "t5/exp_avg_sq_row": [2, 3], "t5/exp_avg_sq_col": [2, 2],
    ]
    #expect(found == expected)
    #expect(slots.allSatisfy { $0.dtype == .float32 })
  }

  /// On the first step the means are those of this gradient (1^beta2_decay = 1).
  @Test func firstStepByHand() throws {
    let training = try Training<Double>("adafactor(lr=0.1)", [Tensor("w", [2, 2, 2, 2], shape: [2, 2])])
    try training.step([[1, 2, 3, 4]])
    #expect(training.state("w/exp_avg_sq_row") == [2.5, 12.5])
    #expect(training.state("w/exp_avg_sq_col") == [5, 10])
    // V = row·col / 7.5; the weights' root mean square is 2, so α = 0.2.
    let v: [Double] = [2.5 * 5, 2.5 * 10, 12.5 * 5, 12.5 * 10].map { $0 / 7.5 }
    let u: [Double] = zip([1.0, 2, 3, 4], v).map { $0 / $1.squareRoot() }
    let rms = (u.reduce(0) { $0 + $1 * $1 } / 4).squareRoot()
    for (weight, u) in zip(training.tensors[0].values, u) {
      let expected = 2 - 0.2 / max(1, rms) * u
      #expect(abs(weight - expected) < 1e-14)
    }
  }

  /// A gradient that is not a number shows in the weights instead of being swallowed by a maximum.
  @Test func notANumberShows() throws {
    let training = try Training<Float>(
      "adafactor", [Tensor("m", [1, 1, 1, 1], shape: [2, 2]), Tensor("v", [1, 1])])
    try training.step([[1, .nan, 1, 1], [.nan, 1]])
    #expect(training.tensors[0].values[1].isNaN && training.tensors[1].values[0].isNaN)
  }

  @Test func valuesOutOfRangeAreRefused() {
    for setting in ["beta2_decay=0.1", "d=0.5", "eps1=-1", "eps2=-1", "lr=-1", "weight_decay=-1"] {
      #expect(throws: OptimizerError.self, "\(setting)") {
        try Training<Float>("adafactor(\(setting))", start: 1)
      }
    }
  }
}
