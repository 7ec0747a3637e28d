// Tensors for tests, and an optimizer over them.

import OptimizerHost

/// A named array in memory of its own.
public final class Tensor<T: BitPatterned> {
  public let name: String
  public let group: Int
  public let count: Int
  public let shape: [Int]
  private let memory: UnsafeMutablePointer<T>

  /// - Parameter shape: of as many elements as there are values; nil: one axis.
  public init(_ name: String, _ values: [T], shape: [Int]? = nil, group: Int = 0) {
    self.name = name
    self.group = group
    count = values.count
    self.shape = shape ?? [count]
    memory = .allocate(capacity: max(1, count))
    memory.initialize(from: values, count: count)
  }

  deinit { memory.deallocate() }

  public var values: [T] {
    get { Array(UnsafeBufferPointer(start: memory, count: count)) }
    set { memory.update(from: newValue, count: min(count, newValue.count)) }
  }

  public var pointer: UnsafeRawPointer { UnsafeRawPointer(memory) }

  public var parameter: Parameter {
    Parameter(
      name: name, shape: shape, dtype: T.self == Float.self ? .float32 : .float64,
      values: UnsafeMutableRawPointer(memory), group: group)
  }
}

/// Tensors and the optimizer that trains them.
public final class Training<T: BitPatterned> {
  public let tensors: [Tensor<T>]
  public let optimizer: Optimizer

  public init(
    _ expression: String, _ tensors: [Tensor<T>], registry: PluginRegistry = BuildProducts.registry(),
    groups: [ParameterGroup] = [ParameterGroup(name: "all")], overrides: [(name: String, value: String)] = [],
    threads: Int = 1, pieceElements: Int = 8192, compiler: ProgramCompiler? = nil, trace: Trace? = nil
  ) throws {
    self.tensors = tensors
    optimizer = try Optimizer(
      expression, registry: registry, parameters: tensors.map(\.parameter), groups: groups,
      overrides: overrides,
      threads: threads, pieceElements: pieceElements, compiler: compiler, trace: trace)
  }

  /// One number, trained from `start`.
  public convenience init(_ expression: String, start: T) throws {
    try self.init(expression, [Tensor("w", [start])])
  }

  /// A step with these gradients; nil for a tensor without one.
  public func step(_ gradients: [[T]?], scale: Double = 1) throws {
    let tensors = gradients.map { $0.map { Tensor("gradient", $0) } }
    _ = try withExtendedLifetime(tensors) {
      try optimizer.step(gradients: tensors.map { $0?.pointer }, gradientScale: scale)
    }
  }

  /// A step whose gradients are evaluated as often as the optimizer wants them.
  /// - Parameter evaluation: loss and gradients of the weights as they are when it is called: once for the step, and
  ///   whenever the optimizer asks. A tensor must have a gradient always or never.
  /// - Returns: what `Optimizer.step` returns.
  @discardableResult
  public func step(
    clippingNorm: Double? = nil, scale: Double = 1,
    evaluating evaluation: @escaping () -> (loss: Double, gradients: [[T]?])
  ) throws -> Double? {
    let first = evaluation()
    let tensors = first.gradients.map { $0.map { Tensor("gradient", $0) } }
    return try withExtendedLifetime(tensors) {
      try optimizer.step(
        gradients: tensors.map { $0?.pointer }, clippingNorm: clippingNorm, gradientScale: scale,
        loss: first.loss
      ) {
        let again = evaluation()
        for (tensor, values) in zip(tensors, again.gradients) { tensor?.values = values ?? [] }
        return again.loss
      }
    }
  }

  /// A slot's content by the name under which it is saved.
  public func state(_ name: String) -> [T] {
    optimizer.state().first { $0.name == name }.map { tensor in
      tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: T.self)) }
    } ?? []
  }
}
