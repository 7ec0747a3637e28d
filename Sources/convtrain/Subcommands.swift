// What convtrain does beside training, and how its name leads there.

import ArgumentParser

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
}
