// A run at one moment, as a file: everything that it needs to go on bit for bit.

import Foundation
import OptimizerHost
import Safetensors

/// A run's tensors and all else that decides how it goes on.
///
/// The file is safetensors with checksums. Parameters and running statistics bear PyTorch's names; they are the weights
/// being trained, not the evaluation weights. State of the optimizer bears the names of `Optimizer.state()`, which hold
/// a slash. The rest is in the metadata: network and standardisation as in a file of weights, all else as JSON.
public struct Checkpoint: Equatable, Sendable {
  /// With its metadata, without checksums.
  let file: SafetensorsFile
  public let facts: Facts

  /// What the metadata say.
  public struct Facts: Equatable, Sendable {
    public var state: RunState
    public var network: NetworkFacts
    /// Of ``TrainingOptions``.
    var options: Fingerprint
    public var data: DataIdentity
    public var optimizers: [OptimizerIdentity]
    /// The first tensor with a value that is not finite.
    public var nonFinite: String?
  }

  /// Which network, and how far its own counters are.
  public struct NetworkFacts: Hashable, Codable, Sendable {
    public let architecture, input: String
    public let classes: Int
    /// Of `Network.stepCount`, on which dropout masks depend.
    public let stepCount: UInt64
  }

  /// Of the metadata; a later version that cannot be read as this one has another number.
  private static let version = "1"

  private enum Key {
    static let version = "convtrain.checkpoint"
    static let state = "convtrain.run_state"
    static let network = "convtrain.network"
    static let options = "convtrain.options"
    static let data = "convtrain.data"
    static let optimizers = "convtrain.optimizers"
    static let nonFinite = "convtrain.non_finite"
  }

  /// - Parameter context: of `TrainedWeights`: the network, and what it expects of pixels.
  init(tensors: [NamedTensor], facts: Facts, context: [String: String]) throws(TrainingError) {
    var metadata = context
    metadata["format"] = "pt"
    metadata[Key.version] = Self.version
    metadata[Key.state] = try Self.json(facts.state)
    metadata[Key.network] = try Self.json(facts.network)
    metadata[Key.options] = try Self.json(facts.options.values)
    metadata[Key.data] = try Self.json(facts.data)
    metadata[Key.optimizers] = try Self.json(facts.optimizers)
    metadata[Key.nonFinite] = facts.nonFinite
    file = SafetensorsFile(tensors: tensors, metadata: metadata)
    self.facts = facts
  }

  /// Reads a file and checks every byte of it.
  /// - Throws: ``TrainingError``: not found, unreadable, or damaged, with the tensor that is.
  public init(reading path: String) throws(TrainingError) {
    try self.init(bytes: try AtomicFile.read(path), path: path)
  }

  /// Reads a file's content and checks every byte of it; `path` is for messages.
  init(bytes: [UInt8], path: String) throws(TrainingError) {
    do throws(SafetensorsFile.Malformed) {
      file = try SafetensorsFile(verifying: bytes)
    } catch {
      throw .damagedCheckpoint(path: path, finding: error.reason)
    }
    guard let version = file.metadata[Key.version] else {
      throw .damagedCheckpoint(path: path, finding: "it holds no run that could go on")
    }
    guard version == Self.version else {
      throw .damagedCheckpoint(
        path: path, finding: "its format has version \(version), but this program reads \(Self.version)")
    }
    do {
      facts = Facts(
        state: try Self.value(file, Key.state), network: try Self.value(file, Key.network),
        options: Fingerprint(values: try Self.value(file, Key.options)),
        data: try Self.value(file, Key.data), optimizers: try Self.value(file, Key.optimizers),
        nonFinite: file.metadata[Key.nonFinite])
    } catch {
      throw .damagedCheckpoint(path: path, finding: "its metadata are of another program: \(error)")
    }
  }

  /// Whether a file is, or was, one of these.
  static func isCheckpoint(_ file: SafetensorsFile) -> Bool { file.metadata[Key.version] != nil }

  /// Whether it says what its weights expect of pixels; those that convtrain wrote at first do not.
  public var holdsStandardization: Bool { TrainedWeights(of: self).holdsStandardization }

  /// Writes the file whole or not at all, and to the disk.
  public func write(to path: String) throws(TrainingError) {
    try file.withChecksums().write(to: path)
  }

  /// The file's bytes in the pieces in which they are written.
  public var parts: [[UInt8]] {
    let file = file.withChecksums()
    return [file.header] + file.tensors.map(\.bytes)
  }

  /// Whether both are of the same moment of the same run, bit for bit, however long it took to get there.
  public func isOfSameMoment(as other: Checkpoint) -> Bool {
    var facts = facts
    facts.state.secondsSpent = other.facts.state.secondsSpent
    return facts == other.facts && file.tensors == other.file.tensors
  }

  /// Bytes of all tensors.
  public var byteCount: Int { file.tensors.reduce(0) { $0 + $1.bytes.count } }

  private static func json(_ value: some Encodable) throws(TrainingError) -> String {
    let encoder = JSONEncoder()
    // The same state gives the same bytes.
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = Self.nonFiniteNames
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      throw .invalidOption(name: "a value of the run", value: "\(error)", range: "what JSON can hold")
    }
  }

  private static func value<T: Decodable>(_ file: SafetensorsFile, _ key: String) throws -> T {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    return try decoder.decode(T.self, from: Data((file.metadata[key] ?? "").utf8))
  }

  private static let nonFiniteNames = JSONEncoder.NonConformingFloatEncodingStrategy.convertToString(
    positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
}
