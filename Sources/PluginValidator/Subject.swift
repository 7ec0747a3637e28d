// The optimizer that a case looks at, loaded and interposed.

import COptPlug
import Foundation
import OptimizerHost

/// A plugin's file, and the optimizer of it that the case is about.
final class Subject {
  /// Absolute.
  let path: String
  /// The optimizer's name; nil: the library's first.
  let optimizer: String?
  /// Of all random inputs.
  let seed: UInt64
  private(set) var knownOptimizers: [String]?
  private var loaded: Loaded?

  private struct Loaded {
    let plugin: LoadedPlugin
    let type: OptimizerType
    let interposition: Interposition
    let registry: PluginRegistry
  }

  init(path: String, optimizer: String?, seed: UInt64) {
    self.path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    self.optimizer = optimizer
    self.seed = seed
  }

  /// The plugin, loaded by the host's rules on the first call.
  /// - Throws: `OptimizerError.plugin`.
  func plugin() throws -> LoadedPlugin { try load().plugin }

  /// What the plugin says of the optimizer.
  func type() throws -> OptimizerType { try load().type }

  /// The plugin's own descriptor.
  func descriptor() throws -> UnsafePointer<optplug_optimizer> { try load().interposition.original }

  /// Stands between the host and the optimizer.
  func interposition() throws -> Interposition { try load().interposition }

  /// Knows the plugin, and the shipped ones.
  func registry() throws -> PluginRegistry { try load().registry }

  private func load() throws -> Loaded {
    if let loaded { return loaded }
    let plugin = try LoadedPlugin(path: path)
    knownOptimizers = plugin.optimizers.map(\.name)
    let place = optimizer.map { name in plugin.optimizers.firstIndex { $0.name == name } } ?? 0
    guard let place else {
      throw Verdict.failed("it has no optimizer '\(optimizer ?? "")' any more: its description changes")
    }
    // Whoever asks for a file to be validated wants its code to run.
    var scanning = Scanning.standard()
    scanning.allowsInsecure = true
    let registry = PluginRegistry.standard(scanning: scanning)
    let interposition = try plugin.interpose(place, in: registry)
    // What runs is told to the reporter of faults by names that never go away.
    interposition.around = { function, call in Watch.running(function, call) }
    let loaded = Loaded(
      plugin: plugin, type: plugin.optimizers[place], interposition: interposition, registry: registry)
    self.loaded = loaded
    return loaded
  }

  /// What it takes as bases when it is a wrapper; a shipped optimizer for each.
  static let base = "adam(lr=0.01)"

  /// The optimizer as an expression, over shipped bases if it is a wrapper.
  /// - Parameter settings: as "lr=0.1", in front of the bases.
  func expression(_ settings: [String] = [], base: String = Subject.base) throws -> String {
    let type = try type()
    let arguments = settings + type.baseRoles.map { _ in base }
    return "\"\(path)\":\(type.name)" + (arguments.isEmpty ? "" : "(\(arguments.joined(separator: ", ")))")
  }

  /// The element types that the optimizer takes, the usual one first.
  func dtypes() throws -> [DType] {
    let type = try type()
    return (type.claims(OPTPLUG_CAPABILITY_FLOAT32) ? [DType.float32] : [])
      + (type.claims(OPTPLUG_CAPABILITY_FLOAT64) ? [.float64] : [])
  }

  /// Ends the case as skipped when the shipped optimizers that it needs are not there.
  func needShipped(_ names: String...) throws {
    for name in names {
      do { _ = try registry().find(name) } catch {
        throw Verdict.skipped("the shipped optimizer '\(name)' is not found; set OPTPLUG_PATH to its folder")
      }
    }
  }
}

extension OptimizerType {
  /// Whether it leaves each element's neighbours out of account, as far as it says.
  var isOfElements: Bool { conformanceDescriptor.pointee.granularity == OPTPLUG_GRANULARITY_ELEMENT }
}
