// NAdam's product of momenta over thousands of steps, against one that is multiplied out.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// One weight trained by the formulas of torch.optim.NAdam, with ∏ μᵢ of the values in force multiplied factor by
/// factor on each step.
private struct Reference {
  var weight, momentumDecay: Double
  let beta1: Double
  private var (mean, squares) = (0.0, 0.0)

  init(_ weight: Double, beta1: Double, momentumDecay: Double) {
    (self.weight, self.beta1, self.momentumDecay) = (weight, beta1, momentumDecay)
  }

  private func momentum(_ i: Int) -> Double { beta1 * (1 - 0.5 * pow(0.96, Double(i) * momentumDecay)) }

  mutating func step(_ t: Int, _ gradient: Double) {
    mean += (1 - beta1) * (gradient - mean)
    squares = 0.999 * squares + 0.001 * gradient * gradient
    let denominator = (squares / (1 - pow(0.999, Double(t)))).squareRoot() + 1e-8
    let product = (1...t).reduce(1) { $0 * momentum($1) }
    let next = momentum(t + 1)
    weight -= 0.01 * (1 - momentum(t)) / (1 - product) * gradient / denominator
    weight -= 0.01 * next / (1 - product * next) * mean / denominator
  }
}

@Suite struct NAdamTests {
  /// Where the product matters for long: great beta1, and momenta that come near it soon.
  @Test(arguments: [
    (0.9, 4e-3), (0.9, 0), (0.999, 0), (0.99, 0.05), (0.999, 0.3), (0.9999, 1), (0.9999, 20), (0.9999, 1e4),
    (0, 1),
  ]) func productNeedsNoState(beta1: Double, momentumDecay: Double) throws {
    var reference = Reference(0.5, beta1: beta1, momentumDecay: momentumDecay)
    let training = try Training<Double>(
      "nadam(lr=0.01, beta1=\(beta1), momentum_decay=\(momentumDecay))", start: 0.5)
    let gradients: [Double] = mixedValues(stream: 9, count: 1500)
    for (i, gradient) in gradients.enumerated() {
      try training.step([[gradient]])
      reference.step(i + 1, gradient)
      let difference = (training.tensors[0].values[0] - reference.weight).magnitude
      #expect(difference < 1e-12, "after step \(i + 1)")
    }
  }

  /// The product is that of the values in force, wherever the change comes.
  @Test(arguments: [10, 64, 300]) func liveChangesHoldForTheWholeProduct(changedAt: Int) throws {
    var reference = Reference(0.5, beta1: 0.9999, momentumDecay: 1)
    let training = try Training<Double>("nadam(lr=0.01, beta1=0.9999, momentum_decay=1)", start: 0.5)
    let gradients: [Double] = mixedValues(stream: 9, count: 400)
    for (i, gradient) in gradients.enumerated() {
      if i + 1 == changedAt {
        reference.momentumDecay = 5
        try training.optimizer.set("momentum_decay", to: 5)
      }
      try training.step([[gradient]])
      reference.step(i + 1, gradient)
      #expect((training.tensors[0].values[0] - reference.weight).magnitude < 1e-12)
    }
  }
}
