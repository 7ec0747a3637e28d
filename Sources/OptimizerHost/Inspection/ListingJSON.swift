// What lies in a registry's folders as JSON: what `optplug list --json` prints.

extension PluginRegistry {
  /// One JSON object.
  package func json(of found: [FoundPlugin]) throws -> String { try jsonText(ListingJSON(self, found)) }
}

private struct ListingJSON: Encodable {
  struct File: Encodable {
    let path: String
    let sha256: String?
    let optimizers: [Optimizer]?
    let problem: String?
  }

  struct Optimizer: Encodable {
    let name, version, summary: String
    let capabilities: [String]
    let hiddenBy: String?
  }

  let searchPath: [String]
  let files: [File]

  init(_ registry: PluginRegistry, _ found: [FoundPlugin]) {
    searchPath = registry.searchPath
    files = found.map { plugin in
      let optimizers = try? plugin.optimizers.get().map { optimizer in
        Optimizer(
          name: optimizer.name, version: optimizer.version, summary: optimizer.summary,
          capabilities: optimizer.capabilities.map(\.name), hiddenBy: plugin.hidden[optimizer.name])
      }
      var problem: String?
      if case .failure(let error) = plugin.optimizers { problem = "\(error)" }
      return File(path: plugin.path, sha256: plugin.hash, optimizers: optimizers, problem: problem)
    }
  }
}
