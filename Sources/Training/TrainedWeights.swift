// A trained network as a file: its weights and running statistics, and what one needs to know to use them.

import ConvNet
import Datasets
import OptimizerHost
import Safetensors

/// The content of a file that a run saves and loads.
///
/// Tensors bear PyTorch's names (`conv1.weight`, `layer1.0.bn1.running_mean`), so that PyTorch's
/// `load_state_dict` takes them. They are the optimizer's evaluation weights: under Lookahead the slow
/// weights, which validation and test judged. Running statistics are those of the fast weights, which made
/// them.
///
/// Optimizer state is not in it: that belongs to checkpoints, which continue a run; these are for use.
public struct TrainedWeights: Equatable, Sendable {
  public var file: SafetensorsFile

  /// What the network's tensors hold now.
  init(of network: Network, standardization: Standardization, optimizer: String, epochs: Int, seed: UInt64) {
    var tensors: [NamedTensor] = []
    func add(_ name: String, _ shape: [Int], _ values: UnsafeMutableBufferPointer<Float>) {
      // Swift's machines are little-endian, as the format is.
      let bytes = [UInt8](UnsafeRawBufferPointer(values))
      tensors.append(NamedTensor(name: name, dtype: .float32, shape: shape, bytes: bytes))
    }
    for parameter in network.parameters { add(parameter.name, parameter.shape, parameter.values) }
    for buffer in network.buffers { add(buffer.name, buffer.shape, buffer.values) }
    var metadata = Self.context(of: network, standardization: standardization)
    metadata["format"] = "pt"
    metadata[Key.optimizer] = optimizer
    metadata[Key.epochs] = "\(epochs)"
    metadata[Key.seed] = "\(seed)"
    file = SafetensorsFile(tensors: tensors, metadata: metadata)
  }

  /// The metadata that say which network's tensors a file holds and what they expect of pixels.
  static func context(of network: Network, standardization: Standardization) -> [String: String] {
    var metadata = [
      Key.architecture: network.architecture.rawValue,
      Key.inputShape: network.input.text,
      Key.classes: "\(network.classes)",
      Key.mean: list(standardization.mean),
      Key.deviation: list(standardization.deviation),
    ]
    metadata[Key.hiddenSizes] = hiddenSizes(network.options)
    metadata[Key.batchNorm] = network.options.batchNorm.map { "\($0)" }
    metadata[Key.pooling] = network.options.pooling?.rawValue
    return metadata
  }

  /// The network of a checkpoint as it is being trained, without the optimizer's state.
  init(of checkpoint: Checkpoint) {
    file = checkpoint.file
    file.tensors.removeAll { $0.name.contains("/") }
    // Those that convtrain wrote at first say it in their own way.
    let network = checkpoint.facts.network
    file.metadata[Key.architecture] = network.architecture
    file.metadata[Key.inputShape] = network.input
    file.metadata[Key.classes] = "\(network.classes)"
  }

  /// Reads a file. Files of other programs, without our metadata, are taken as well: then the tensors alone
  /// decide whether they fit. Of a checkpoint, all of which is checked, the weights being trained are taken.
  /// - Throws: ``TrainingError``.
  public init(reading path: String) throws(TrainingError) {
    let bytes = try AtomicFile.read(path)
    let content = try SafetensorsFile(bytes: bytes, path: path)
    file =
      Checkpoint.isCheckpoint(content) ? Self(of: try Checkpoint(bytes: bytes, path: path)).file : content
  }

  /// Writes the file whole or not at all.
  public func write(to path: String) throws(TrainingError) {
    try file.write(to: path)
  }

  var holdsStandardization: Bool { file.metadata[Key.mean] != nil && file.metadata[Key.deviation] != nil }

  /// The mean and deviation that the weights expect of pixels; `nil` if the file does not say so.
  /// - Parameter channels: how many values of each there must be; nil: any.
  /// - Throws: ``TrainingError/malformedWeights(path:reason:)`` for values that are none.
  func standardization(channels: Int?, path: String) throws(TrainingError) -> Standardization? {
    guard let mean = file.metadata[Key.mean], let deviation = file.metadata[Key.deviation] else { return nil }
    let means = Self.numbers(mean)
    let deviations = Self.numbers(deviation)
    let channels = channels ?? means.count
    guard means.count == channels, deviations.count == channels, means.allSatisfy(\.isFinite),
      deviations.allSatisfy({ $0.isFinite && $0 > 0 })
    else {
      throw .malformedWeights(
        path: path,
        reason: "its mean \(mean) and deviation \(deviation) are not \(channels) valid numbers each")
    }
    return Standardization(mean: means, deviation: deviations)
  }

  /// The network's structure as far as it is an option of this architecture; empty if the file does not say so.
  /// - Throws: ``TrainingError/malformedWeights(path:reason:)`` for values that are none.
  func networkOptions(
    of architecture: Architecture, path: String
  ) throws(TrainingError) -> NetworkOptions {
    var options = NetworkOptions()
    guard file.metadata[Key.architecture] == architecture.rawValue else { return options }
    if let list = file.metadata[Key.hiddenSizes] {
      let sizes = list.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
      guard !sizes.contains(where: { $0 <= 0 }) else {
        throw .malformedWeights(path: path, reason: "its hidden sizes \(list) are not whole numbers above 0")
      }
      options.hiddenSizes = sizes
    }
    if let text = file.metadata[Key.batchNorm] {
      guard let value = Bool(text) else {
        throw .malformedWeights(path: path, reason: "its batch norm is \(text), neither true nor false")
      }
      options.batchNorm = value
    }
    if let text = file.metadata[Key.pooling] {
      guard let value = Pooling(rawValue: text) else {
        throw .malformedWeights(path: path, reason: "its pooling is \(text), neither max nor average")
      }
      options.pooling = value
    }
    return options
  }

  private static func hiddenSizes(_ options: NetworkOptions) -> String? {
    options.hiddenSizes?.map { "\($0)" }.joined(separator: ",")
  }

  /// Copies the tensors into a network, all or none.
  /// - Throws: ``TrainingError/otherWeights(path:differences:)`` with each tensor that does not fit.
  func load(into network: Network, path: String) throws(TrainingError) {
    var differences = describedDifferences(from: network)
    var wanted: [(name: String, shape: [Int], values: UnsafeMutableBufferPointer<Float>)] = []
    wanted += network.parameters.map { ($0.name, $0.shape, $0.values) }
    wanted += network.buffers.map { ($0.name, $0.shape, $0.values) }
    let held = Dictionary(file.tensors.map { ($0.name, $0) }) { first, _ in first }
    for (name, shape, _) in wanted {
      guard let tensor = held[name] else {
        differences.append("\(name) is missing")
        continue
      }
      if tensor.shape != shape {
        differences.append("\(name) is \(tensor.shape), not \(shape)")
      } else if tensor.dtype != .float32 {
        differences.append("\(name) is \(tensor.dtype.safetensorsName), not F32")
      } else if !tensor.isFinite {
        throw .malformedWeights(path: path, reason: "\(name) holds values that are not finite")
      }
    }
    let known = Set(wanted.map(\.name))
    // PyTorch counts batches in a tensor of its own; nothing here depends on it.
    for tensor in file.tensors
    where !known.contains(tensor.name) && !tensor.name.hasSuffix("num_batches_tracked") {
      differences.append("\(tensor.name) is not in \(network.architecture.rawValue)")
    }
    guard differences.isEmpty else { throw .otherWeights(path: path, differences: differences) }
    for (name, _, values) in wanted {
      if let tensor = held[name] { UnsafeMutableRawBufferPointer(values).copyBytes(from: tensor.bytes) }
    }
  }

  private func describedDifferences(from network: Network) -> [String] {
    let facts: [(key: String, what: String, here: String?)] = [
      (Key.architecture, "architecture", network.architecture.rawValue),
      (Key.inputShape, "input", network.input.text),
      (Key.classes, "number of classes", "\(network.classes)"),
      (Key.hiddenSizes, "list of hidden sizes", Self.hiddenSizes(network.options)),
      (Key.batchNorm, "batch norm", network.options.batchNorm.map { "\($0)" }),
      (Key.pooling, "pooling", network.options.pooling?.rawValue),
    ]
    return facts.compactMap { key, what, here in
      guard let here, let there = file.metadata[key], there != here else { return nil }
      return "its \(what) is \(there), not \(here)"
    }
  }

  private static func list(_ values: [Float]) -> String {
    values.map { "\($0)" }.joined(separator: ",")
  }

  private static func numbers(_ list: String) -> [Float] {
    list.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) ?? .nan }
  }

  /// Metadata keys of the file.
  private enum Key {
    static let architecture = "arch"
    static let inputShape = "input_shape"
    static let classes = "classes"
    static let hiddenSizes = "hidden_sizes"
    static let batchNorm = "batch_norm"
    static let pooling = "pooling"
    static let mean = "mean"
    static let deviation = "deviation"
    static let optimizer = "optimizer"
    static let epochs = "epochs"
    static let seed = "seed"
  }
}

extension InputShape {
  /// `1x28x28`: channels, height, width.
  fileprivate var text: String { "\(channels)x\(height)x\(width)" }
}
