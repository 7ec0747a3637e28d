// What a sync does to the base's momentum: each mode over SGD and over Adam, against the same update by hand.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// Lookahead over one number in plain double arithmetic, from the papers' formulas.
private struct Reference {
  enum Base { case sgd(momentum: Double), adam }

  let base: Base
  let mode: String
  let k = 3
  let alpha = 0.5
  let lr = 0.1
  var w, slow: Double
  var m = 0.0
  var v = 0.0
  var slowM = 0.0
  var step = 0
  var baseStep = 0

  init(_ base: Base, _ mode: String, start: Double) {
    (self.base, self.mode, w, slow) = (base, mode, start, start)
  }

  mutating func advance(_ g: Double) {
    step += 1
    baseStep += 1
    switch base {
    case .sgd(let momentum):
      m = momentum * m + g
      w -= lr * m
    case .adam:
      m = 0.9 * m + 0.1 * g
      v = 0.999 * v + 0.001 * g * g
      let (mHat, vHat) = (m / (1 - pow(0.9, Double(baseStep))), v / (1 - pow(0.999, Double(baseStep))))
      w -= lr * mHat / (vHat.squareRoot() + 1e-8)
    }
    guard step % k == 0 else { return }
    slow += alpha * (w - slow)
    w = slow
    switch mode {
    case "reset": m = 0
    case "pullback":
      slowM += alpha * (m - slowM)
      m = slowM
    case "reset_all": (m, v, baseStep) = (0, 0, 0)
    default: break
    }
  }
}

@Suite struct LookaheadMomentumTests {
  private func follow(_ base: String, _ reference: Reference) throws {
    var reference = reference
    let training = try Training<Double>(
      "lookahead(k=3, alpha=0.5, momentum=\(reference.mode), \(base))", start: reference.w)
    for step in 1...14 {
      let gradient: [Double] = mixedValues(stream: step, count: 1)
      try training.step([gradient])
      reference.advance(gradient[0])
      #expect((training.tensors[0].values[0] - reference.w).magnitude < 1e-12, "after step \(step)")
    }
  }

  @Test(arguments: ["none", "reset", "pullback", "reset_all"]) func overSGD(mode: String) throws {
    try follow("sgd(lr=0.1, momentum=0.9)", Reference(.sgd(momentum: 0.9), mode, start: 0.7))
  }

  @Test(arguments: ["none", "reset", "pullback", "reset_all"]) func overAdam(mode: String) throws {
    try follow("adam(lr=0.1)", Reference(.adam, mode, start: 0.7))
  }

  @Test func theModesDiffer() throws {
    let ends = try ["none", "reset", "pullback", "reset_all"].map { mode in
      let training = try Training<Double>("lookahead(k=3, momentum=\(mode), adam(lr=0.1))", start: 1)
      for step in 1...9 { try training.step([mixedValues(stream: step, count: 1)]) }
      return training.tensors[0].values[0]
    }
    #expect(Set(ends).count == 4)
  }

  /// The copy for pullback is the wrapper's own: the base's momentum goes on without touching it.
  @Test func pullbackKeepsItsOwnCopy() throws {
    let training = try Training<Double>(
      "lookahead(k=2, alpha=0.5, momentum=pullback, sgd(lr=0.1, momentum=0.9))", start: 1)
    for _ in 1...2 { try training.step([[1]]) }
    let copy = training.state("w/slow_momentum")
    #expect(copy == training.state("w/base.momentum_buffer"))
    try training.step([[1]])
    #expect(training.state("w/slow_momentum") == copy)
    #expect(training.state("w/base.momentum_buffer") != copy)
  }

  /// Over a wrapper, the modes reach the first moments of the leaf.
  @Test func resetReachesThroughAnInnerWrapper() throws {
    let training = try Training<Double>(
      "lookahead(k=2, momentum=reset, lookahead(k=50, sgd(lr=0.1, momentum=0.9)))", start: 1)
    try training.step([[1]])
    #expect(training.state("w/base.base.momentum_buffer") == [1])
    try training.step([[1]])
    #expect(training.state("w/base.base.momentum_buffer") == [0])
  }

  @Test func resetAllRestartsTheInnerWrapperFromTheWeights() throws {
    let training = try Training<Double>(
      "lookahead(k=2, alpha=0.5, momentum=reset_all, lookahead(k=50, adam(lr=0.1)))", start: 1)
    for _ in 1...2 { try training.step([[1]]) }
    #expect(training.state("w/base.slow") == training.tensors[0].values)
    #expect(training.state("w/base.base.exp_avg_sq") == [0])
    let steps = training.optimizer.state().filter { $0.name.hasSuffix("step") && $0.name.hasPrefix("w/") }
    #expect(
      Dictionary(uniqueKeysWithValues: steps.map { ($0.name, $0.bytes[0]) })
        == ["w/step": 2, "w/base.step": 0, "w/base.base.step": 0])
  }
}
