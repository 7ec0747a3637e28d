// Where plugins are found and how much is risked with them: what all commands have in common.

import ArgumentParser
import OptimizerHost

struct RegistryOptions: ParsableArguments {
  @Flag(help: "Loads plugins although other users could have changed them.")
  var allowInsecure = false

  /// - Parameter retries: whether files are tried again of which a failure is remembered.
  func registry(retries: Bool = false) -> PluginRegistry {
    var scanning = Scanning.standard()
    scanning.allowsInsecure = allowInsecure
    scanning.retriesFailures = retries
    return .standard(scanning: scanning)
  }
}

struct RetryOption: ParsableArguments {
  @Flag(help: "Tries plugins again that failed before.")
  var retry = false
}
