// An optimizer that sees the whole model and evaluates the loss as often as its line search needs.

import OptimizerHost
import TestSupport
import Testing

/// Rosenbrock's function of two parameters, (1 - x)² + 100 (y - x²)², whose only minimum is 0 at (1, 1).
private final class Rosenbrock {
  let x = Tensor<Double>("x", [-1.2])
  let y = Tensor<Double>("y", [1])
  private let gradients = (Tensor<Double>("x", [0]), Tensor<Double>("y", [0]))
  private let optimizer: Optimizer
  private(set) var evaluations = 0

  init(_ expression: String) throws {
    optimizer = try Optimizer(
      expression, registry: BuildProducts.registry(), parameters: [x.parameter, y.parameter], threads: 2)
  }

  private func evaluate() -> Double {
    let (x, y) = (x.values[0], y.values[0])
    evaluations += 1
    gradients.0.values = [-2 * (1 - x) - 400 * x * (y - x * x)]
    gradients.1.values = [200 * (y - x * x)]
    return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x)
  }

  /// - Returns: the loss before the step.
  func step() throws -> Double {
    let loss = evaluate()
    try optimizer.step(
      gradients: [gradients.0.pointer, gradients.1.pointer], loss: loss, reevaluate: { self.evaluate() })
    return loss
  }

  func state() -> [NamedTensor] { optimizer.state() }
  func restore(_ state: [NamedTensor]) throws { try optimizer.restore(state) }
}

@Suite struct LineSearchTests {
  /// Thirty-odd steps are what the textbook's method takes; plain descent with its best step takes thousands.
  @Test(arguments: ["%", "lookahead(k=1, alpha=1, %)"]) func solvesRosenbrock(_ tree: String) throws {
    let problem = try Rosenbrock(tree.replacing("%", with: foreignPlugin("lbfgs")))
    var losses: [Double] = []
    for _ in 1...60 { losses.append(try problem.step()) }
    #expect(zip(losses, losses.dropFirst()).allSatisfy { $1 <= $0 }, "a line search never goes up")
    #expect(abs(problem.x.values[0] - 1) < 1e-6 && abs(problem.y.values[0] - 1) < 1e-6)
    #expect(problem.evaluations > 120, "each step evaluates at least twice, some more often")
  }

  @Test func continuesFromSavedState() throws {
    let expression = try foreignPlugin("lbfgs")
    let whole = try Rosenbrock(expression)
    for _ in 1...9 { _ = try whole.step() }
    let resumed = try Rosenbrock(expression)
    resumed.x.values = whole.x.values
    resumed.y.values = whole.y.values
    try resumed.restore(whole.state())
    for _ in 1...9 { #expect(try whole.step() == resumed.step()) }
    #expect(whole.x.values == resumed.x.values && whole.y.values == resumed.y.values)
  }
}
