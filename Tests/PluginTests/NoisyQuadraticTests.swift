// Steady-state variance on the noisy quadratic of the Lookahead paper, against its closed form.

import OptimizerHost
import TestSupport
import Testing

/// L(θ) = a/2 (θ - c)², c of mean 0 and variance σ², drawn anew for each step: section 3.1 of
/// https://arxiv.org/abs/1907.08610. One tensor holds many independent runs, so that their variance is known to
/// a relative standard error of at most √(2/count) (less for uniform noise, whose sums have lighter tails than
/// normal ones).
@Suite struct NoisyQuadraticTests {
  private static let count = 200_000

  /// The variance of θ over the runs after `steps` steps from 0, with a = σ = 1.
  private func variance(_ expression: String, steps: Int) throws -> Double {
    let training = try Training<Float>(
      expression, [Tensor("w", [Float](repeating: 0, count: Self.count))], threads: 2)
    for step in 1...steps {
      let weights = training.tensors[0].values
      try training.step([noisyQuadraticGradients(weights, step: step)])
    }
    return training.tensors[0].values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(Self.count)
  }

  private func expect(_ measured: Double, _ expected: Double) {
    let standardError = expected * (2 / Double(Self.count)).squareRoot()
    #expect((measured - expected).magnitude < 4 * standardError, "\(measured), closed form \(expected)")
  }

  private let gamma = 0.5
  private var r: Double { 1 - gamma }
  private var sgd: Double { gamma * gamma / (1 - r * r) }

  @Test func sgdReachesItsClosedForm() throws {
    #expect((sgd - 0.333333).magnitude < 1e-6)
    expect(try variance("sgd(lr=0.5)", steps: 30), sgd)
  }

  @Test(arguments: [(5, 0.5), (5, 0.8), (3, 0.5), (10, 0.2)])
  func lookaheadReachesItsClosedForm(k: Int, alpha: Double) throws {
    var (r1, r2) = (1.0, 1.0)
    for _ in 0..<k {
      r1 *= r
      r2 *= r * r
    }
    let gain = alpha * alpha * (1 - r2)
    let closedForm = sgd * gain / (gain + 2 * alpha * (1 - alpha) * (1 - r1))
    if k == 5, alpha == 0.5 { #expect((closedForm - 0.113402).magnitude < 1e-6) }
    // A sync shrinks what is left of the start by 1 - alpha + alpha r^k.
    let syncs = alpha < 0.5 ? 30 : 15
    expect(try variance("lookahead(k=\(k), alpha=\(alpha), sgd(lr=0.5))", steps: k * syncs), closedForm)
  }

  /// With momentum the variance at a sync follows from a linear recursion of (θ, buffer, slow buffer).
  @Test(arguments: [("none", 0.129508), ("reset", 0.075179), ("pullback", 0.101181)])
  func momentumModesReachTheirClosedForm(mode: String, closedForm: Double) throws {
    let expression = "lookahead(k=5, alpha=0.5, momentum=\(mode), sgd(lr=0.1, momentum=0.9))"
    expect(try variance(expression, steps: 150), closedForm)
  }

  @Test func momentumWithoutLookahead() throws {
    expect(try variance("sgd(lr=0.1, momentum=0.9)", steps: 200), 0.513514)
  }
}
