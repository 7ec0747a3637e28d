// A plugin as a validator loads it: what the host read of it, and a registry in which one optimizer is interposed.

import COptPlug

/// A plugin that the host has loaded.
package struct LoadedPlugin {
  private let library: PluginLibrary
  /// Absolute.
  package var path: String { library.file.path }
  /// In the plugin's order.
  package var optimizers: [OptimizerType] { library.optimizers }

  /// Loads the file by all rules of the host.
  /// - Throws: `OptimizerError.plugin`.
  package init(path: String) throws {
    library = try PluginLibrary(try PluginFile(path))
  }

  /// Makes `registry` find the optimizer at `place` through an interposition.
  /// - Throws: `Refusal`.
  package func interpose(_ place: Int, in registry: PluginRegistry) throws -> Interposition {
    let interposition = Interposition(optimizers[place].descriptor)
    var types = optimizers
    types[place] = try OptimizerType(
      interposition.descriptor, place: place + 1, path: path, hash: library.file.hash)
    registry.adopt(PluginLibrary(library, optimizers: types))
    interposition.install()
    return interposition
  }

  /// What this host hands to entries.
  package static var host: UnsafePointer<optplug_host> { hostInterface }

  /// What the host reads of a file before it runs any of its code.
  package struct FileFacts {
    package let exports: Set<String>
    package let needed: [String]
    package let hasNote: Bool
  }

  /// - Throws: `Refusal`, or what reading the file throws.
  package static func facts(of path: String) throws -> FileFacts {
    let file = try ELFFile(path: path)
    return FileFacts(exports: file.exports, needed: file.needed, hasNote: file.note != nil)
  }
}

extension OptimizerType {
  /// The plugin's own description, for as long as the process lives.
  package var conformanceDescriptor: UnsafePointer<optplug_optimizer> { descriptor }

  /// Whether the optimizer has a capability of the ABI.
  package func claims(_ capability: UInt64) -> Bool { has(capability) }
}

extension PluginRegistry {
  /// What the first optimizer of this name says of itself.
  /// - Throws: as making an optimizer does.
  package func find(_ name: String) throws -> OptimizerType { try find(OptimizerExpression(parsing: name)) }
}
