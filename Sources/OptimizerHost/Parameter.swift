// What a trainer hands in: trainable tensors and their groups.

/// One trainable tensor: dense, row-major, in memory that the caller owns.
public struct Parameter {
  /// Unique among the parameters, as "layer1.0.conv1.weight".
  public let name: String
  /// Sizes, outermost first; empty for a single number.
  public let shape: [Int]
  /// `.float32`, `.float64`, `.bfloat16` or `.float16`; of the gradient too. From the first step on, 16-bit parameters
  /// are rounded from 32-bit masters that the optimizer keeps: what others write into them is lost.
  public let dtype: DType
  /// The first element. Must stay valid as long as the optimizer lives.
  public let values: UnsafeMutableRawPointer
  /// The place of the parameter's group in the list of groups.
  public let group: Int
  /// What the memory belongs to, when that is an arena: kept as long as the parameter.
  var owner: AnyObject?

  /// Elements: the product of the shape.
  public var count: Int { shape.reduce(1, *) }

  public init(
    name: String, shape: [Int], dtype: DType = .float32, values: UnsafeMutableRawPointer, group: Int = 0
  ) {
    self.name = name
    self.shape = shape
    self.dtype = dtype
    self.values = values
    self.group = group
  }

  /// The same parameter in other memory.
  func moved(to values: UnsafeMutableRawPointer) -> Parameter {
    Parameter(name: name, shape: shape, dtype: dtype, values: values, group: group)
  }
}

/// Parameters that share the values of all hyperparameters.
public struct ParameterGroup: Sendable {
  /// For messages.
  public let name: String
  /// Values that differ from the optimizer's, by name or path, as `["weight_decay": 0]`.
  public let hyperparameters: [String: Double]
  /// More of them, as a user writes them; a later one wins.
  public let settings: [(name: String, value: String)]

  public init(
    name: String, hyperparameters: [String: Double] = [:], settings: [(name: String, value: String)] = []
  ) {
    self.name = name
    self.hyperparameters = hyperparameters
    self.settings = settings
  }
}

/// A tensor by value, as state is saved and restored.
public struct NamedTensor: Sendable, Equatable {
  public let name: String
  public let dtype: DType
  public let shape: [Int]
  /// Elements in row-major order, little-endian.
  public let bytes: [UInt8]

  public init(name: String, dtype: DType, shape: [Int], bytes: [UInt8]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }
}
