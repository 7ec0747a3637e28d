// Which parameters a step updates alike is kept from step to step, and found anew when it changes.

import OptimizerHost
import TestSupport
import Testing

@Suite struct SituationsTests {
  private let count = 12
  private let training: Training<Float>
  private let fusion: Fusion

  init() throws {
    training = try Training(
      "lookahead(k=2, momentum=reset_all, adam)",
      (0..<count).map { Tensor("t\($0)", [1, 2], group: $0 % 2) },
      groups: [ParameterGroup(name: "even"), ParameterGroup(name: "odd", hyperparameters: ["lr": 0.02])])
    fusion = try Fusion(training.optimizer)
  }

  /// What is kept is what one who knows nothing finds.
  @discardableResult
  private func launches(_ has: [Bool], at location: SourceLocation = #_sourceLocation) throws -> [Fusion
    .Launch]
  {
    let kept = try fusion.launches(hasGradient: has, gradientScale: 0.5)
    let found = try Fusion(training.optimizer).launches(hasGradient: has, gradientScale: 0.5)
    #expect(kept.map(\.parameters) == found.map(\.parameters), sourceLocation: location)
    #expect(kept.map(\.constants) == found.map(\.constants), sourceLocation: location)
    #expect(kept.map(\.program) == found.map(\.program), sourceLocation: location)
    return kept
  }

  private func step(_ has: [Bool]) throws { try training.step(has.map { $0 ? [0.5, -0.5] : nil }) }

  private var all: [Bool] { Array(repeating: true, count: count) }

  @Test func theSameArraysFromStepToStep() throws {
    func places() throws -> [UnsafeRawPointer?] {
      try launches(all).map { launch in launch.parameters.withUnsafeBytes { $0.baseAddress } }
    }
    let first = try places()
    #expect(first.count == 2)
    for _ in 1...5 {
      try step(all)
      #expect(try places() == first)
    }
  }

  @Test func gradientsThatComeAndGo() throws {
    for number in 1...8 {
      var has = all
      for i in 0..<count where (number / 2 + i) % 3 == 0 { has[i] = false }
      try launches(has)
      try launches(all)
      try step(has)
    }
    // Counters have gone apart.
    #expect(try launches(all).count > 2)
  }

  @Test func counters() throws {
    for _ in 1...3 { try step(all) }
    #expect(try launches(all).count == 2)
    try training.optimizer.reset(parameter: 3)
    #expect(try launches(all).map(\.parameters.count) == [6, 5, 1])
    try step(all)
    #expect(try launches(all).count == 3)
    let counters = training.optimizer.stateArrays().filter { $0.kind == .counter }
    for counter in counters { counter.memory.storeBytes(of: 7, as: Int64.self) }
    // What was divided stays apart, with the same constants.
    let apart = try fusion.launches(hasGradient: all)
    #expect(apart.map(\.parameters.count) == [6, 5, 1] && apart[1].constants == apart[2].constants)
    for counter in counters where counter.parameter == 0 {
      counter.memory.storeBytes(of: 6, as: Int64.self)
    }
    #expect(try launches(all).map(\.parameters.count) == [1, 6, 5])
  }

  @Test func valuesAndState() throws {
    try step(all)
    let saved = training.optimizer.state()
    try launches(all)
    try training.optimizer.set("lr", to: 0.5, group: 0)
    let constants = try launches(all).map(\.constants)
    try training.optimizer.set("lr", to: 0.25)
    #expect(try launches(all).map(\.constants) != constants)
    for _ in 1...3 { try step(all) }
    try training.optimizer.restore(saved)
    try launches(all)
  }
}
