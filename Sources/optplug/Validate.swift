// optplug validate: runs the cases of PluginValidator over plugins and tells how each ended.

import ArgumentParser
import Foundation
import PluginValidator
import Terminal

struct Validate: Command {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Checks that plugins keep every promise of optplug.h.",
    usage: "optplug validate <path> ... [--only <case>]... [--json]",
    discussion: """
      Each case runs in a process of its own, so that a plugin that crashes or hangs fails one case and no other. It \
      ends as passed; warning: allowed, but hardly meant; skipped: it does not apply, or this system cannot tell; \
      failed; or crashed. The status is 1 when any case failed or crashed.

        optplug validate ./my.so
        optplug validate ./my.so --only 'guard-*' --only purity
        optplug validate ./my.so --only contains-nan --in-process    in a debugger
      """)

  @Argument(
    help: ArgumentHelp("The plugins' files.", valueName: "path"), completion: .file(extensions: ["so"]))
  var paths: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run these cases alone: a name, a group, or a pattern with * and ?. May be given several times.",
      valueName: "case"))
  var only: [String] = []

  @Option(help: "The seed of random inputs: equal seeds, equal inputs. The default differs from run to run.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Kill a case's process after this time. The default is 30 s, more for cases that take long.",
      valueName: "seconds"))
  var timeLimit: Double?

  @Flag(help: "Run everything in this process, for debuggers: a crash then ends the command.")
  var inProcess = false

  @Flag(help: "Write JSON instead of lines.")
  var json = false

  @Flag(help: "Show the cases and end.")
  var list = false

  func validate() throws {
    guard list || !paths.isEmpty else { throw ValidationError("Name a plugin's file, or write --list.") }
    if let timeLimit, !(timeLimit > 0) {
      throw ValidationError("The time limit is \(timeLimit) s; give more than 0.")
    }
  }

  func perform() throws {
    let cases: [ValidationCase]
    do { cases = try ValidationCase.select(only) } catch let unknown as ValidationCase.Unknown {
      Console.error("Error: \(unknown)")
      throw ExitStatus.usage.exitCode
    }
    guard !list else { return try showList(cases) }
    let seed = self.seed ?? UInt64.random(in: 0..<(1 << 32))
    var runs: [ValidationRun] = []
    for path in paths {
      let start = Date()
      let results = Validation(
        path: path, cases: cases, seed: seed, command: inProcess ? nil : [executable, ValidateCase.name],
        timeLimit: timeLimit
      ).run()
      let run = ValidationRun(
        path: path, seed: seed, seconds: Date().timeIntervalSince(start), results: results)
      runs.append(run)
      if !json { try Console.output(run.lines) }
    }
    if json { try Console.output(try ValidationRun.json(runs)) }
    if runs.contains(where: \.isBad) { throw ExitStatus.failedRun.exitCode }
  }

  private var executable: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

  private func showList(_ cases: [ValidationCase]) throws {
    if json {
      let entries = cases.map { ["case": $0.name, "group": $0.group.rawValue, "summary": $0.summary] }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      return try Console.output(String(decoding: try encoder.encode(entries), as: UTF8.self))
    }
    for group in ValidationCase.Group.allCases {
      let members = cases.filter { $0.group == group }
      guard !members.isEmpty else { continue }
      try Console.output("\(group.rawValue)\n" + Format.table(members.map { ($0.name, $0.summary) }))
    }
  }
}

/// Runs one case: what `validate` starts for each.
struct ValidateCase: ParsableCommand {
  static let name = "validate-case"

  static let configuration = CommandConfiguration(
    commandName: name, abstract: "Runs one case for validate.", shouldDisplay: false)

  @Argument var request: [String] = []

  func run() throws {
    guard Validation.runChild(request) else { throw ExitStatus.internalError.exitCode }
    // Without any more code of the plugin, whose result has been written.
    _exit(0)
  }
}
