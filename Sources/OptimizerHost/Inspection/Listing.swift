// What lies in a registry's folders.

import BasicFoundation

/// A shared library in the search path, and what it holds or why it cannot be used.
public struct FoundPlugin: Sendable {
  /// Where it was found; may be a link.
  public let path: String
  /// SHA-256 of its contents; nil when it could not be read.
  public let hash: String?
  public let optimizers: Result<[OptimizerSummary], OptimizerError>
  /// Names of its optimizers that mean those of another file, by that file's path.
  public internal(set) var hidden: [String: String] = [:]
}

extension PluginRegistry {
  /// All shared libraries of the search path, by folder and name. None of their code runs here, and none is loaded that
  /// is not known unless there is the helper to try it.
  public func list() -> [FoundPlugin] {
    var found: [FoundPlugin] = []
    for folder in searchPath {
      // A folder may be named twice.
      for path in Self.libraries(in: folder) where !found.contains(where: { $0.path == path }) {
        found.append(examine(path))
      }
    }
    for place in found.indices {
      guard case .success(let optimizers) = found[place].optimizers else { continue }
      for optimizer in optimizers {
        let owner = first(optimizer.name, among: found)
        if let owner, owner != found[place].path { found[place].hidden[optimizer.name] = owner }
      }
    }
    return found
  }

  /// The file that a name means, by the rule of `find`.
  private func first(_ name: String, among found: [FoundPlugin]) -> String? {
    let owners = found.filter { (try? $0.optimizers.get())?.contains { $0.name == name } == true }
    return (owners.first { isNamed($0.path, after: name) } ?? owners.first)?.path
  }

  private func examine(_ path: String) -> FoundPlugin {
    var hash: String?
    do throws(OptimizerError) {
      let file = try scanner.open(path)
      hash = file.hash
      return FoundPlugin(path: path, hash: hash, optimizers: .success(try summaries(of: file)))
    } catch {
      return FoundPlugin(path: path, hash: hash, optimizers: .failure(error))
    }
  }

  private func summaries(of file: PluginFile) throws(OptimizerError) -> [OptimizerSummary] {
    if let library = loaded[file.path] { return library.optimizers.map(OptimizerSummary.init) }
    return try scanner.optimizers(in: file, isNamed: false) ?? []
  }
}
