// optplug list: what is found where.

import ArgumentParser
import OptimizerHost
import Terminal

struct List: Command {
  static let configuration = CommandConfiguration(
    abstract: "Lists the optimizers of all plugins that are found.",
    discussion: """
      One line for each optimizer, by folder and file, in the order of the search: name, version, capabilities by \
      letter, file. Files that cannot be used stand at the end with the reason. No plugin is loaded into this \
      program: what a file holds is remembered by its content, and a file of unknown content is tried in a \
      process of its own.
      """)

  @OptionGroup var registry: RegistryOptions
  @OptionGroup var retry: RetryOption

  @Flag(help: "Prints one JSON object.")
  var json = false

  func perform() throws {
    let registry = registry.registry(retries: retry.retry)
    let found = registry.list()
    try Console.output(json ? registry.json(of: found) : text(registry, found))
  }

  private func text(_ registry: PluginRegistry, _ found: [FoundPlugin]) -> String {
    var rows: [[String]] = []
    var failures: [String] = []
    for plugin in found {
      switch plugin.optimizers {
      case .success(let optimizers):
        for optimizer in optimizers {
          let hidden = plugin.hidden[optimizer.name].map { " (hidden by \($0))" } ?? ""
          rows.append([optimizer.name, optimizer.version, Self.letters(optimizer), plugin.path + hidden])
        }
      case .failure(let error): failures.append("  \(error)")
      }
    }
    guard !rows.isEmpty || !failures.isEmpty else {
      return "no plugins in\n" + registry.searchPath.map { "  \($0)" }.joined(separator: "\n")
    }
    var parts: [String] = []
    if !rows.isEmpty { parts += [Format.columns(rows), Self.legend] }
    if !failures.isEmpty { parts.append("cannot be used\n" + failures.joined(separator: "\n")) }
    return parts.joined(separator: "\n\n")
  }

  /// The letters in their places, so that columns can be compared.
  private static func letters(_ optimizer: OptimizerSummary) -> String {
    String(Capability.all.map { optimizer.letters.contains($0.letter) ? $0.letter : "-" })
  }

  private static var legend: String {
    Format.columns(Capability.all.map { ["  \($0.letter)", $0.meaning] })
  }
}
