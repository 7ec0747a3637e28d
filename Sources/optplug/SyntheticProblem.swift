// A made-up problem for optimizers to work on: as many parameters as one likes, in tensors like a network's.

import OptimizerHost

/// Minimises ½‖w - c‖² over matrices and vectors, each with its own c. The gradient is w - c, always in the same memory.
final class SyntheticProblem {
  let parameters: [Parameter]
  private let weights, gradients: UnsafeMutablePointer<Float>
  private let count: Int

  /// - Parameter elements: of all parameters together, 1 or more.
  init(elements: Int) {
    count = elements
    weights = .allocate(capacity: elements)
    weights.initialize(repeating: 0, count: elements)
    gradients = .allocate(capacity: elements)
    gradients.initialize(repeating: 0, count: elements)
    var parameters: [Parameter] = []
    var start = 0
    let weights = weights
    func add(_ name: String, _ shape: [Int]) {
      parameters.append(
        Parameter(name: name, shape: shape, values: UnsafeMutableRawPointer(weights + start)))
      start += shape.reduce(1, *)
    }
    let layers = 4
    for layer in 1...layers where start < elements {
      // What the last square leaves over is the bias, so that all layers together have the number asked for.
      let share = (elements - start) / (layers + 1 - layer)
      guard share > 0 else { continue }
      let side = max(1, Int(Double(share).squareRoot()))
      let rows = max(1, min(side, share / side))
      add("layer\(layer).weight", [rows, side])
      if share > rows * side { add("layer\(layer).bias", [share - rows * side]) }
    }
    self.parameters = parameters
  }

  deinit {
    weights.deallocate()
    gradients.deallocate()
  }

  /// Takes a step of `optimizer`, which updates the parameters.
  func step(_ optimizer: Optimizer) throws {
    var start = 0
    let places = parameters.map { parameter in
      defer { start += parameter.count }
      return Optional(UnsafeRawPointer(gradients + start))
    }
    let loss = evaluate()
    try optimizer.step(gradients: places, loss: loss, reevaluate: optimizer.mayReevaluate ? evaluate : nil)
  }

  /// Computes the gradients.
  /// - Returns: the loss.
  private func evaluate() -> Double {
    var loss = 0.0
    for i in 0..<count {
      let difference = weights[i] - Float(i % 7 - 3) / 4
      gradients[i] = difference
      loss += 0.5 * Double(difference * difference)
    }
    return loss
  }
}
