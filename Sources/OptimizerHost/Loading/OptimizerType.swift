// One optimizer as a loaded plugin describes it, checked.

import COptPlug

/// What a plugin says of an optimizer.
public struct OptimizerType: @unchecked Sendable {
  public let name: String
  public let version: String
  public let summary: String
  /// The paper or the project.
  public let url: String?
  public let hyperparameters: [HyperparameterType]
  /// Names of the bases that a wrapper takes; empty for a leaf.
  public let baseRoles: [String]
  /// The plugin's file, absolute.
  public let path: String
  /// The file's SHA-256, in 64 hexadecimal digits.
  public let hash: String

  /// Constant for the life of the process, which makes the type safe to share.
  private(set) var descriptor: UnsafePointer<optplug_optimizer>
  let granularity: Granularity
  let capabilities: UInt64
  let stateVersion: UInt32

  func has(_ capability: UInt64) -> Bool { capabilities & capability != 0 }

  /// The same type, called by another description's functions.
  func described(by descriptor: UnsafePointer<optplug_optimizer>) -> OptimizerType {
    var type = self
    type.descriptor = descriptor
    return type
  }

  /// Whether the plugin answers to an extension's id.
  func offers(_ id: String) -> Bool { descriptor.pointee.get_extension?(descriptor, id) != nil }

  /// The table of an extension whose struct is at least `least` bytes, or nil.
  func table<T>(_ id: String, as _: T.Type, least: UInt32) -> UnsafePointer<T>? {
    guard let table = descriptor.pointee.get_extension?(descriptor, id) else { return nil }
    guard table.load(as: UInt32.self) >= least else { return nil }
    return table.assumingMemoryBound(to: T.self)
  }
}

/// How far pieces may be cut.
enum Granularity: Comparable, Hashable {
  case element
  case block(Int)
  case tensor, group, model

  /// What suits both: of two block lengths their least common multiple, or whole tensors when none could be that
  /// long.
  func coarsest(with other: Granularity) -> Granularity {
    guard case .block(let m) = self, case .block(let n) = other else { return max(self, other) }
    let (length, overflow) = (m / gcd(m, n)).multipliedReportingOverflow(by: n)
    return overflow ? .tensor : .block(length)
  }
}

private func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }

extension OptimizerType {
  /// Capability bits that a host must know if they are set.
  private static let mandatory: UInt64 = 0xFF << 56

  /// Reads and checks everything that a library describes.
  /// - Throws: `Refusal`.
  static func read(_ library: UnsafePointer<optplug_library>?, path: String, hash: String) throws
    -> [OptimizerType]
  {
    guard let library = library?.pointee else { throw Refusal.descriptor("it hands out no library") }
    guard library.struct_size >= OPTPLUG_LIBRARY_SIZE_1_0 else {
      throw Refusal.descriptor(
        "its library is \(library.struct_size) bytes, at least \(OPTPLUG_LIBRARY_SIZE_1_0) are needed")
    }
    guard library.abi_minor_required <= OPTPLUG_ABI_MINOR else {
      throw Refusal.newerABI(
        required: library.abi_minor_required, built: library.abi_minor_built, host: OPTPLUG_ABI_MINOR)
    }
    guard (1...256).contains(library.optimizer_count) else {
      throw Refusal.descriptor("it announces \(library.optimizer_count) optimizers; 1 to 256 are allowed")
    }
    guard let optimizers = library.optimizers else {
      throw Refusal.descriptor("it announces \(library.optimizer_count) optimizers and gives none")
    }
    let types = try (0..<Int(library.optimizer_count)).map { i in
      guard let descriptor = optimizers[i] else { throw Refusal.descriptor("optimizer \(i + 1) is missing") }
      return try OptimizerType(descriptor, place: i + 1, path: path, hash: hash)
    }
    if let twice = firstDuplicate(types.map(\.name)) {
      throw Refusal.descriptor("it holds two optimizers named '\(twice)'")
    }
    return types
  }

  init(_ descriptor: UnsafePointer<optplug_optimizer>, place: Int, path: String, hash: String) throws {
    let raw = descriptor.pointee
    guard raw.struct_size >= OPTPLUG_OPTIMIZER_SIZE_1_0 else {
      throw Refusal.descriptor(
        "optimizer \(place) is \(raw.struct_size) bytes, at least \(OPTPLUG_OPTIMIZER_SIZE_1_0) are needed")
    }
    let name = try DescriptorCheck.name(raw.name, of: "optimizer \(place)", dashes: true)
    func wrong(_ problem: String) -> Refusal { .descriptor("'\(name)' \(problem)") }
    self.descriptor = descriptor
    self.name = name
    (self.path, self.hash) = (path, hash)
    guard let version = raw.version, let summary = raw.summary else {
      throw wrong("has no \(raw.version == nil ? "version" : "summary")")
    }
    self.version = String(cString: version)
    self.summary = String(cString: summary)
    url = raw.url.map { String(cString: $0) }
    granularity = try Self.granularity(raw, wrong)
    stateVersion = raw.state_version
    capabilities = raw.capabilities
    guard capabilities & Self.mandatory == 0 else {
      throw Refusal.unknownCapability(
        optimizer: name, bits: (56..<64).filter { raw.capabilities >> UInt64($0) & 1 == 1 })
    }
    guard capabilities & (OPTPLUG_CAPABILITY_FLOAT32 | OPTPLUG_CAPABILITY_FLOAT64) != 0 else {
      throw wrong("takes neither 32-bit nor 64-bit floats")
    }
    guard raw.step != nil else { throw wrong("has no step function") }
    guard (raw.create == nil) == (raw.destroy == nil) else {
      throw wrong("has only one of create and destroy")
    }
    hyperparameters = try DescriptorCheck.elements(
      raw.hyperparameters, as: optplug_hyperparameter.self, least: OPTPLUG_HYPERPARAMETER_SIZE_1_0, most: 256,
      of: "hyperparameters of '\(name)'"
    ).map { try HyperparameterType($0, optimizer: name) }
    if let twice = firstDuplicate(hyperparameters.map(\.name)) {
      throw wrong("has two hyperparameters '\(twice)'")
    }
    guard raw.base_count <= 16 else { throw wrong("takes \(raw.base_count) bases, more than 16") }
    baseRoles = try (0..<Int(raw.base_count)).map { i in
      try DescriptorCheck.name(raw.base_roles?[i], of: "base \(i + 1) of '\(name)'")
    }
    if let twice = firstDuplicate(baseRoles) { throw wrong("has two bases '\(twice)'") }
    guard baseRoles.isEmpty || raw.create != nil else {
      throw wrong("takes bases but has no create to hand them to")
    }
  }

  private static func granularity(_ raw: optplug_optimizer, _ wrong: (String) -> Refusal) throws
    -> Granularity
  {
    switch raw.granularity {
    case OPTPLUG_GRANULARITY_ELEMENT: return .element
    case OPTPLUG_GRANULARITY_BLOCK:
      guard (1...(1 << 24)).contains(raw.granularity_block) else {
        throw wrong("has blocks of \(raw.granularity_block) elements; 1 to 16777216 are allowed")
      }
      return .block(Int(raw.granularity_block))
    case OPTPLUG_GRANULARITY_TENSOR: return .tensor
    case OPTPLUG_GRANULARITY_GROUP: return .group
    case OPTPLUG_GRANULARITY_MODEL: return .model
    default: throw wrong("has the unknown granularity \(raw.granularity)")
    }
  }
}

func firstDuplicate(_ names: [String]) -> String? {
  var seen: Set<String> = []
  return names.first { !seen.insert($0).inserted }
}
