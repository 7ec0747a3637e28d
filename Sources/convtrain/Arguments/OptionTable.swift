// Which options the command has, as its parser knows them.

import ArgumentParser
import Foundation

/// The options of the root command and the names of its subcommands.
struct OptionTable: Sendable {
  struct Entry: Sendable {
    /// The name in configuration files: of the first long name, without dashes.
    let name: String
    /// With their dashes.
    let spellings: [String]
    let takesValue, isRepeating: Bool
    let standard: String?
  }

  /// In the order of the help text, without the positional argument.
  let entries: [Entry]
  let subcommands: Set<String>
  /// Of the positional argument.
  let positional: Entry?

  static let convtrain = OptionTable(Convtrain.self)

  private init(_ command: (some ParsableCommand).Type) {
    // The parser describes itself as JSON and in no other way.
    let dump = try? JSONDecoder().decode(Dump.self, from: Data(command._dumpHelp().utf8))
    let arguments = dump?.command.arguments ?? []
    func entry(_ argument: Dump.Argument) -> Entry {
      let names = argument.names ?? []
      return Entry(
        name: names.first { $0.kind == "long" }?.name ?? names.first?.name ?? argument.valueName ?? "",
        spellings: names.map { ($0.kind == "long" ? "--" : "-") + $0.name },
        takesValue: argument.kind == "option", isRepeating: argument.isRepeating,
        standard: argument.defaultValue)
    }
    entries = arguments.filter { $0.kind != "positional" }.map(entry)
    positional = arguments.first { $0.kind == "positional" }.map(entry)
    subcommands = Set((dump?.command.subcommands ?? []).map(\.commandName))
  }

  subscript(spelling spelling: String) -> Entry? { entries.first { $0.spellings.contains(spelling) } }
  subscript(name name: String) -> Entry? {
    name == positional?.name ? positional : entries.first { $0.spellings.contains("--" + name) }
  }

  /// What `ArgumentParserToolInfo` describes, as far as it is needed.
  private struct Dump: Decodable {
    struct Name: Decodable {
      let kind, name: String
    }
    struct Argument: Decodable {
      let kind: String
      let names: [Name]?
      let valueName, defaultValue: String?
      let isRepeating: Bool
    }
    struct Subcommand: Decodable {
      let commandName: String
    }
    struct Command: Decodable {
      let arguments: [Argument]?
      let subcommands: [Subcommand]?
    }
    let command: Command
  }
}
