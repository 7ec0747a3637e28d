// What can be chosen of a network beside its architecture.

/// How windows of an image become single values.
public enum Pooling: String, CaseIterable, Codable, Sendable {
  case max, average
}

/// Choices within an architecture; `nil` is the architecture's own value. What an architecture has no use for is
/// refused rather than ignored.
public struct NetworkOptions: Hashable, Codable, Sendable {
  /// `mlp`: units of its hidden layers, from the first to the last; 1 to 64 numbers of 1...65536. Its own: 512, 256, 128.
  public var hiddenSizes: [Int]?
  /// `mlp`: batch normalisation between each hidden layer and its ReLU. Its own: none.
  public var batchNorm: Bool?
  /// Rate of the dropout in the classifier, in 0..<1, for `mlp` (after each hidden layer; its own: 0), `alexnet` and
  /// `vgg16` (0.5), and the EfficientNets (0.2).
  public var dropout: Double?
  /// Rate of stochastic depth, in 0..<1, for the EfficientNets (their own: 0.2) and `convnext-tiny` (0.1): how often
  /// the last residual branch is left out of training; earlier ones in proportion to their depth.
  public var dropPath: Double?
  /// `lenet`: its own is the largest value of each window.
  public var pooling: Pooling?

  public init() {}

  /// The structure that a file states, where nothing is stated here.
  public func completed(by other: NetworkOptions) -> NetworkOptions {
    var result = self
    result.hiddenSizes = hiddenSizes ?? other.hiddenSizes
    result.batchNorm = batchNorm ?? other.batchNorm
    result.pooling = pooling ?? other.pooling
    return result
  }
}

extension Architecture {
  /// These options with every value that the architecture has a use for.
  /// - Throws: `ConvNetError` for values out of range or without a use.
  public func resolve(_ options: NetworkOptions) throws -> NetworkOptions {
    let own = defaults
    func resolve<Value>(
      _ path: WritableKeyPath<NetworkOptions, Value?>, _ name: String, _ range: String,
      _ isValid: (Value) -> Bool
    ) throws -> Value? {
      guard let value = options[keyPath: path] else { return own[keyPath: path] }
      guard own[keyPath: path] != nil else {
        let others = Architecture.allCases.filter { $0.defaults[keyPath: path] != nil }.map(\.rawValue)
        throw ConvNetError.unusedOption(name: name, architecture: rawValue, users: others)
      }
      guard isValid(value) else { throw ConvNetError.option(name: name, value: "\(value)", range: range) }
      return value
    }
    var result = NetworkOptions()
    result.hiddenSizes = try resolve(\.hiddenSizes, "hidden sizes", "1 to 64 numbers of 1...65536") {
      1...64 ~= $0.count && $0.allSatisfy { 1...65536 ~= $0 }
    }
    result.batchNorm = try resolve(\.batchNorm, "batch norm", "true or false") { _ in true }
    result.dropout = try resolve(\.dropout, "dropout", "0 or more and below 1") { 0..<1 ~= $0 }
    result.dropPath = try resolve(\.dropPath, "drop path", "0 or more and below 1") { 0..<1 ~= $0 }
    result.pooling = try resolve(\.pooling, "pooling", "max or average") { _ in true }
    return result
  }

  /// What holds where nothing is chosen; `nil` for what the architecture has no use for.
  private var defaults: NetworkOptions {
    var options = NetworkOptions()
    switch self {
    case .mlp:
      options.hiddenSizes = [512, 256, 128]
      options.batchNorm = false
      options.dropout = 0
    case .alexnet, .vgg16:
      options.dropout = 0.5
    case .efficientNetLite0, .efficientNetB0:
      options.dropout = 0.2
      options.dropPath = 0.2
    case .convNeXtTiny:
      options.dropPath = 0.1
    case .lenet:
      options.pooling = .max
    case .baseline, .resnet18:
      break
    }
    return options
  }
}
