// What convtrain does beside training, and how its name leads there.

import ArgumentParser
import OptimizerHost

/// The tree of commands without the trainer's own arguments. The parser would take a subcommand's name for the network
/// that the trainer asks for first, so a command line that begins with one is parsed here.
struct Subcommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Convtrain.configuration.commandName, abstract: Convtrain.configuration.abstract,
    subcommands: all)

  static let all: [any ParsableCommand.Type] = [
    Describe.self, DatasetsCommand.self, Compare.self, Report.self,
  ]

  /// Whether a command line is one of these: it begins with their name, or asks for their help.
  static func take(_ arguments: [String]) -> Bool {
    guard let first = arguments.first else { return false }
    let name = first == "help" ? arguments.dropFirst().first : first
    return all.contains { $0._commandName == name }
  }

  /// Refuses a first word that is neither a network nor a subcommand: the parser knows only of networks.
  static func check(_ arguments: [String]) throws(ValidationError) {
    guard let first = arguments.first else { return }
    guard let word = first == "help" ? arguments.dropFirst().first : first, !word.hasPrefix("-"),
      ArchitectureName(argument: word) == nil || first == "help"
    else { return }
    let networks = ArchitectureName.allValueStrings
    let names = all.map { $0._commandName }
    let candidates = first == "help" ? names : names + networks
    throw ValidationError(
      "'\(word)' is no \(first == "help" ? "" : "network and no ")subcommand."
        + suggestion(for: word, among: candidates)
        + (first == "help" ? "" : "\nNetworks: \(networks.joined(separator: ", "))")
        + "\nSubcommands: \(names.joined(separator: ", "))")
  }
}
