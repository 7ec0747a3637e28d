// Any wrapper over any optimizer that ships, and over any wrapper: equal bits for any threads and after a restore.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

/// The optimizers of the plugins in Plugins/, so that a new one cannot be forgotten.
private let shipped: [OptimizerType] = {
  let folders = try? FileManager.default.contentsOfDirectory(atPath: Repository.file("Plugins").path)
  return (folders ?? []).filter { !$0.contains(".") }.sorted().flatMap { folder in
    let library = try? PluginLibrary(PluginFile(BuildProducts.plugin(folder).path))
    return library?.optimizers ?? []
  }
}()
private let leaves = shipped.filter { $0.baseRoles.isEmpty }.map(\.name)
private let wrappers = shipped.filter { !$0.baseRoles.isEmpty }.map { ($0.name, $0.baseRoles.count) }

/// A wrapper with the same base in every place.
private func over(_ wrapper: (name: String, bases: Int), _ base: String) -> String {
  "\(wrapper.name)(\(Array(repeating: base, count: wrapper.bases).joined(separator: ", ")))"
}

private let wrapped = wrappers.flatMap { wrapper in
  (leaves + wrappers.map { over($0, "adamw") }).map { over(wrapper, $0) }
}
private let deeper = [
  "lookahead(k=2, sam(rho=0.1, gradient-centralization(adamw)))",
  "sam(schedulefree(warmup_steps=3, gradient-centralization(adamw)))",
  "ema(decay=0.9, sam(adaptive=true, lookahead(k=2, momentum=reset_all, adam)))",
  "gradient-centralization(lookahead(k=2, momentum=pullback, sam(sgd(momentum=0.9))))",
]

@Suite struct WrapperMatrixTests {
  private static let steps = 6
  /// Enough elements for a second thread to wake.
  private static let shapes: [[Int]] = [[8, 4, 3, 3], [33_000], [40, 30], [], [5], [0, 4], [17, 1]]

  @Test func everyPluginIsFound() {
    #expect(leaves.contains("adamw") && leaves.contains("sgd") && leaves.contains("lion"))
    let names = wrappers.map(\.0)
    for wrapper in ["lookahead", "ema", "sam", "schedulefree", "gradient-centralization"] {
      #expect(names.contains(wrapper))
    }
    #expect(wrapped.count == wrappers.count * shipped.count)
  }

  @Test(arguments: wrapped + deeper) func sameBitsWhateverTheCourse(expression: String) throws {
    let whole = try make(expression, threads: 1, pieceElements: 8192)
    let other = try make(expression, threads: 2, pieceElements: 700)
    var middle: (weights: [[Float]], state: [NamedTensor])?
    for number in 1...Self.steps {
      try step(whole, number)
      try step(other, number)
      #expect(bits(other) == bits(whole), "step \(number)")
      if number == 3 { middle = (whole.tensors.map(\.values), whole.optimizer.state()) }
    }
    #expect(other.optimizer.state() == whole.optimizer.state())
    #expect(whole.tensors.allSatisfy { $0.values.allSatisfy(\.isFinite) })
    #expect(bits(whole) != bits(try make(expression, threads: 1, pieceElements: 8192)))

    let checkpoint = try #require(middle)
    let resumed = try make(expression, threads: 2, pieceElements: 8192)
    for (tensor, values) in zip(resumed.tensors, checkpoint.weights) { tensor.values = values }
    #expect(try resumed.optimizer.restore(checkpoint.state).isEmpty)
    for number in 4...Self.steps { try step(resumed, number) }
    #expect(bits(resumed) == bits(whole))
    #expect(resumed.optimizer.state() == whole.optimizer.state())

    // Evaluation leaves no trace.
    try whole.optimizer.withEvaluationWeights {}
    #expect(bits(resumed) == bits(whole))
    #expect(resumed.optimizer.state() == whole.optimizer.state())
  }

  private func make(_ expression: String, threads: Int, pieceElements: Int) throws -> Training<Float> {
    try Training(
      expression,
      Self.shapes.enumerated().map { i, shape in
        Tensor("t\(i)", mixedValues(stream: i, count: shape.reduce(1, *)), shape: shape, group: i % 2)
      }, groups: [ParameterGroup(name: "even"), ParameterGroup(name: "odd")], threads: threads,
      pieceElements: pieceElements)
  }

  /// A step on gradients that depend on the weights; some tensors miss some, and it is clipped at times.
  private func step(_ training: Training<Float>, _ number: Int) throws {
    try training.step(clippingNorm: number % 3 == 0 ? 1 : nil, scale: number == 5 ? 0.5 : 1) {
      let gradients = training.tensors.enumerated().map { i, tensor -> [Float]? in
        (number + i) % 4 == 0 ? nil : noisyQuadraticGradients(tensor.values, step: 16 * number + i)
      }
      return (Double(number), gradients)
    }
  }
}
