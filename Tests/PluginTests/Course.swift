// A few steps of an optimizer over mixed tensors, to be taken again in other ways that must not matter.

import OptimizerHost
import TestSupport
import Testing

/// What is trained and for how long. Gradients and weights are the same on every course of one kind.
struct Course {
  let shapes: [[Int]]
  let steps: Int
  /// The hyperparameter that differs for every second tensor, in a group of its own.
  var rate = "lr"

  func make<T: BitPatterned>(
    _ expression: String, threads: Int, pieceElements: Int, compiler: ProgramCompiler? = nil, _: T.Type
  ) throws -> Training<T> {
    let tensors = shapes.enumerated().map { i, shape in
      Tensor<T>("t\(i)", mixedValues(stream: i, count: shape.reduce(1, *)), shape: shape, group: i % 2)
    }
    return try Training(
      expression, tensors,
      groups: [ParameterGroup(name: "even"), ParameterGroup(name: "odd", hyperparameters: [rate: 0.02])],
      threads: threads, pieceElements: pieceElements, compiler: compiler)
  }

  func step<T: BitPatterned>(_ training: Training<T>, _ number: Int) throws {
    try training.step(
      training.tensors.enumerated().map { i, tensor in
        // Some tensors miss some gradients.
        (number + i) % 4 == 0 ? nil : mixedValues(stream: 1000 + 16 * number + i, count: tensor.count)
      }, scale: number == 3 ? 0.3 : 1)
  }

  /// Takes every step with one thread in whole tensors, and beside it with other threads and pieces.
  /// - Returns: the first, at its end.
  @discardableResult
  func expectSameBits<T: BitPatterned>(
    _ expression: String, cuts: [(threads: Int, pieceElements: Int)], _: T.Type
  ) throws -> Training<T> {
    let reference = try make(expression, threads: 1, pieceElements: 1 << 30, T.self)
    let others = try cuts.map {
      try make(expression, threads: $0.threads, pieceElements: $0.pieceElements, T.self)
    }
    for number in 1...steps {
      try step(reference, number)
      for other in others {
        try step(other, number)
        #expect(bits(other) == bits(reference))
      }
    }
    for other in others { #expect(other.optimizer.state() == reference.optimizer.state()) }
    return reference
  }

  /// Interrupts the course after each number of steps from `first` on, and ends it in new memory.
  func expectToResume(_ expression: String, from first: Int) throws {
    let whole = try make(expression, threads: 2, pieceElements: 8192, Float.self)
    var saved: [(weights: [[Float]], state: [NamedTensor])] = []
    for number in 1...steps {
      saved.append((whole.tensors.map(\.values), whole.optimizer.state()))
      try step(whole, number)
    }
    for (done, checkpoint) in saved.enumerated().dropFirst(first) {
      let resumed = try make(expression, threads: 1, pieceElements: 500, Float.self)
      for (tensor, values) in zip(resumed.tensors, checkpoint.weights) { tensor.values = values }
      #expect(try resumed.optimizer.restore(checkpoint.state).isEmpty)
      for number in (done + 1)...steps { try step(resumed, number) }
      #expect(bits(resumed) == bits(whole))
      #expect(resumed.optimizer.state() == whole.optimizer.state())
    }
  }
}

/// All weights, short enough to show.
func bits<T: BitPatterned>(_ training: Training<T>) -> [String] { training.tensors.map { digest($0.values) } }
