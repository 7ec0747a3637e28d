// A small model that the optimizer trains with made-up gradients, and what is left of it after each step.

import COptPlug
import Foundation
import OptimizerHost

/// How a case wants the optimizer to be run.
struct TrainingOptions {
  /// Names and shapes of the parameters.
  var shapes: [(name: String, shape: [Int])] = TrainingOptions.standard
  var dtype: DType?
  /// Settings inside the expression, as "lr=0.1".
  var settings: [String] = []
  var base = Subject.base
  /// Makes the whole expression of the optimizer's.
  var wrapping: (String) -> String = { $0 }
  /// The group of each parameter by its place; values that differ are in `groupValues`.
  var groupOf: (Int) -> Int = { _ in 0 }
  var groupValues: [[String: Double]] = [[:]]
  var threads = 1
  var pieceElements = 1 << 20
  var gradientScale = 1.0
  /// Multiplies every made-up gradient.
  var gradientFactor = 1.0
  /// Which parameters have a gradient on a step.
  var hasGradient: (_ parameter: Int, _ step: Int) -> Bool = { _, _ in true }
  /// Called before gradients are written, with true, and when they are in place, with false.
  var gradientsChange: (Bool) -> Void = { _ in }
  /// Whether calls go through the subject's interposition.
  var isInterposed = true
  /// An element of a gradient; nil: the made-up one.
  var gradient: ((_ parameter: Int, _ element: Int, _ step: Int) -> Double?)?
  /// Sets all gradients with `setGradient` and answers the loss, in place of the made-up ones.
  var loss: ((Training) -> Double)?
  /// Where a tensor of so many bytes lies; nil gives memory of its own at a multiple of 64.
  var memory: ((_ bytes: Int) throws -> UnsafeMutableRawPointer)?
  var gradientMemory: ((_ bytes: Int) throws -> UnsafeMutableRawPointer)?

  /// Matrices and vectors, of lengths that are and are not multiples of a vector register's.
  static let standard: [(name: String, shape: [Int])] = [
    ("conv.weight", [4, 3, 3, 3]), ("dense.weight", [16, 33]), ("bias", [64]), ("tail", [13]),
  ]
}

/// An optimizer with the parameters that it trains.
final class Training {
  let optimizer: Optimizer
  let parameters: [Parameter]
  let dtype: DType
  let options: TrainingOptions
  let seed: UInt64
  private(set) var steps = 0
  private let gradients: [UnsafeMutableRawPointer]
  private var owned: [UnsafeMutableRawPointer] = []

  /// - Throws: `OptimizerError`, or what making memory throws.
  init(_ subject: Subject, _ options: TrainingOptions = TrainingOptions()) throws {
    guard let dtype = try options.dtype ?? subject.dtypes().first else {
      throw Verdict.failed("it takes no element type")
    }
    self.dtype = dtype
    self.options = options
    seed = subject.seed
    var owned: [UnsafeMutableRawPointer] = []
    func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: max(64, bytes), alignment: 64)
      owned.append(memory)
      return memory
    }
    func bytes(_ shape: [Int]) -> Int { shape.reduce(dtype.size, *) }
    parameters = try options.shapes.enumerated().map { i, entry in
      Parameter(
        name: entry.name, shape: entry.shape, dtype: dtype,
        values: try options.memory?(bytes(entry.shape)) ?? allocate(bytes(entry.shape)),
        group: options.groupOf(i))
    }
    gradients = try options.shapes.map {
      try options.gradientMemory?(bytes($0.shape)) ?? allocate(bytes($0.shape))
    }
    self.owned = owned
    for (i, parameter) in parameters.enumerated() {
      for element in 0..<parameter.count {
        dtype.store(madeUp(seed, 1, UInt64(i), UInt64(element)), to: parameter.values, at: element)
      }
    }
    optimizer = try Optimizer(
      try options.wrapping(subject.expression(options.settings, base: options.base)),
      registry: try options.isInterposed ? subject.registry() : .standard(), parameters: parameters,
      groups: options.groupValues.enumerated().map {
        ParameterGroup(name: "group \($0)", hyperparameters: $1)
      },
      threads: options.threads, seed: subject.seed, pieceElements: options.pieceElements)
  }

  deinit { for memory in owned { memory.deallocate() } }

  /// Takes the next step with gradients of its own.
  func step() throws {
    let (loss, pointers) = next()
    try optimizer.step(
      gradients: pointers, gradientScale: options.gradientScale, loss: loss,
      reevaluate: { [self] in evaluate() })
  }

  /// Takes the next step by formulas in place of the optimizer's code.
  func step(by fusion: Fusion) throws {
    try optimizer.step(gradients: next().gradients, gradientScale: options.gradientScale, by: fusion)
  }

  private func next() -> (loss: Double, gradients: [UnsafeRawPointer?]) {
    steps += 1
    let loss = evaluate()
    return (
      loss, gradients.indices.map { options.hasGradient($0, steps) ? UnsafeRawPointer(gradients[$0]) : nil }
    )
  }

  /// Computes the gradients and the loss anew. The made-up loss of a step is linear in the parameters plus a bowl, so
  /// that its gradient depends on where the parameters are.
  private func evaluate() -> Double {
    options.gradientsChange(true)
    defer { options.gradientsChange(false) }
    if let loss = options.loss?(self) { return loss }
    var loss = 0.0
    for (i, parameter) in parameters.enumerated() {
      for element in 0..<parameter.count {
        let value = value(i, element)
        let slope = madeUp(seed, UInt64(steps) << 8 | 2, UInt64(i), UInt64(element))
        loss += slope * value + value * value / 8
        let gradient = options.gradient?(i, element, steps) ?? options.gradientFactor * (slope + value / 4)
        dtype.store(gradient, to: gradients[i], at: element)
      }
    }
    return loss
  }

  /// Sets an element of a gradient.
  func setGradient(_ parameter: Int, _ element: Int, to value: Double) {
    dtype.store(value, to: gradients[parameter], at: element)
  }

  /// Says which step was the last.
  func setSteps(_ count: Int) { steps = count }

  func step(times count: Int) throws { for _ in 0..<count { try step() } }

  /// An element of a parameter as it is now.
  func value(_ parameter: Int, _ element: Int) -> Double {
    dtype.load(from: parameters[parameter].values, at: element)
  }

  /// Every element of every parameter.
  var allValues: [[Double]] {
    parameters.enumerated().map { i, parameter in (0..<parameter.count).map { value(i, $0) } }
  }

  /// Every bit of parameters and state.
  func snapshot() -> Snapshot {
    Snapshot(
      tensors: parameters.map { parameter in
        NamedTensor(
          name: parameter.name, dtype: dtype, shape: parameter.shape,
          bytes: Array(
            UnsafeRawBufferPointer(start: parameter.values, count: parameter.count * dtype.size)))
      } + optimizer.state())
  }
}

/// A number in (-1, 1) of mixed magnitude that depends on its place alone (SplitMix64's output function).
func madeUp(_ seed: UInt64, _ stream: UInt64, _ tensor: UInt64, _ element: UInt64) -> Double {
  let bits = mixed(element &+ mixed(tensor &+ mixed(stream &+ mixed(seed))))
  return (Double(bits >> 40) / 0x1p23 - 1) / Double(1 << (bits & 3))
}

func mixed(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

extension DType {
  /// An element as a double; only the types of parameters are asked for.
  func load(from memory: UnsafeRawPointer, at element: Int) -> Double {
    self == .float64
      ? memory.loadUnaligned(fromByteOffset: element * 8, as: Double.self)
      : Double(memory.loadUnaligned(fromByteOffset: element * 4, as: Float.self))
  }

  func store(_ value: Double, to memory: UnsafeMutableRawPointer, at element: Int) {
    if self == .float64 {
      memory.storeBytes(of: value, toByteOffset: element * 8, as: Double.self)
    } else {
      memory.storeBytes(of: Float(value), toByteOffset: element * 4, as: Float.self)
    }
  }
}
