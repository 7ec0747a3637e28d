// What this process was asked to do, with files of settings and resumed runs taken into account.

import ArgumentParser
import Foundation
import OptimizerHost
import Terminal
import Training

/// The command line as it is in force.
struct Invocation: Sendable {
  /// For the parser.
  let tokens: [String]
  /// What a run would write to its `config.json`.
  let settings: Settings
  /// The run that goes on.
  let resumed: ResumedRun?

  struct ResumedRun: Sendable {
    let directory: String
    /// The checkpoint, where one is named.
    let file: String?
    /// Whether the new settings are others than those that the directory has.
    let isChanged: Bool
    /// The number of epochs before, where it is another now.
    let epochsBefore: String?
  }

  /// Of this process, found out once.
  static let current = Result { try Invocation(Array(CommandLine.arguments.dropFirst()), .convtrain) }

  /// Settings that belong to one call and to no run.
  private static let passing = ["config", "resume", "run-dir", "dry-run"]
  /// Settings that may change when a run goes on: they decide how long it is and what is shown and kept of it.
  private static let free: Set<String> = [
    "epochs", "threads", "jit", "no-jit", "gpu", "quiet", "verbose", "json", "plot", "confusion-matrix",
    "save",
    "trace", "trace-limit", "checkpoint-every", "checkpoint-minutes", "keep", "allow-insecure", "time-limit",
    "patience", "tensorboard", "tensorboard-dir",
  ]
  private static let contradictions = [("no-run-dir", "run-dir"), ("quiet", "verbose"), ("verbose", "quiet")]

  init(_ arguments: [String], _ table: OptionTable) throws {
    // A subcommand, help or completions: nothing of this concerns them.
    let files = ["--config", "--resume"]
    let asksForFile = files.contains { Self.count(of: $0, in: arguments) > 0 }
    if let first = arguments.first, table.subcommands.contains(first) {
      (tokens, settings, resumed) = (arguments, Settings(tokens: arguments, table), nil)
      return
    }
    let standards = Settings(standardsOf: table)
    guard asksForFile else {
      (tokens, resumed) = (arguments, nil)
      settings = Self.lasting(standards.overridden(by: Settings(tokens: arguments, table)))
      return
    }
    // From here on the parser sees what was understood, not what was typed.
    let own = try Settings(judging: arguments, table)
    for option in files where Self.count(of: option, in: arguments) > 1 {
      throw ValidationError("\(option) is given more than once; keep one of them")
    }
    let resume = Self.resumeValue(arguments)
    var stated = own
    stated.remove("resume")
    stated.remove("config")
    guard let resume else {
      guard case .one(let path)? = own.values["config"] else {
        (tokens, settings, resumed) = (arguments, own, nil)
        return
      }
      let file = Self.yielding(try Settings(configuration: path, table), to: stated)
      try Self.check(file, table, path)
      settings = Self.lasting(standards.overridden(by: file).overridden(by: stated))
      tokens = Self.replacing(table, file, by: stated)
      resumed = nil
      return
    }
    guard own.values["config"] == nil else {
      throw ValidationError("--resume takes its settings from the run directory; leave --config out")
    }
    for name in ["run-dir", "no-run-dir"] where stated.values[name] != nil {
      throw ValidationError("--resume goes on in the run directory that it names; leave --\(name) out")
    }
    let (directory, checkpoint) = try Self.places(resume)
    if stated.values["skip-train"] != nil {
      let file = checkpoint ?? "\(RunDirectory.checkpoints(in: directory))/step-….safetensors"
      throw ValidationError(
        "--resume goes on with a run's training, and --skip-train leaves it out; to test the run's weights, use "
          + "--load \(file) --skip-train with the run's network and data")
    }
    let path = RunDirectory.configuration(in: directory)
    let file: Settings
    do {
      file = try Settings(configuration: path, table)
      try Self.check(file, table, path)
    } catch let error as ConfigurationError {
      // Nobody typed it: the run is damaged.
      throw TrainingError.runDirectory(
        path: error.path, problem: "\(error.problem); put back what the run was started with")
    }
    let before = Self.lasting(standards.overridden(by: file))
    let placed = stated.withAbsolutePaths()
    let inForce = Self.inForce(in: directory)
    let repeated = Set(
      placed.values.filter { name, value in
        Settings.areEqual(before.values[name] ?? inForce[name].map { .one($0) }, value)
      }.keys)
    let refused = stated.values.filter { name, value in
      !Self.free.contains(name) && !Self.passing.contains(name) && !repeated.contains(name)
    }
    guard refused.isEmpty else {
      let list = refused.keys.sorted().map { name in
        "\(name == table.positional?.name ? "" : "--")\(name) was \(Self.text(before.values[name])) and is "
          + Self.text(refused[name])
      }
      throw ValidationError(
        "\(list.joined(separator: "; ")): that would be another run; leave it out, or start a new run with "
          + "--config \(path)")
    }
    // What is stated as it was is not stated twice: lists would grow.
    for name in repeated { stated.remove(name) }
    let yielding = Self.yielding(file, to: stated)
    settings = Self.lasting(standards.overridden(by: yielding).overridden(by: stated))
    tokens = Self.replacing(table, yielding, by: stated) + ["--resume=\(resume.isEmpty ? directory : resume)"]
    let epochs = before.values["epochs"]
    resumed = ResumedRun(
      directory: directory, file: checkpoint, isChanged: settings != before,
      epochsBefore: epochs == settings.values["epochs"] ? nil : Self.text(epochs))
  }

  private static func count(of option: String, in arguments: [String]) -> Int {
    arguments.count { $0 == option || $0.hasPrefix(option + "=") }
  }

  /// What follows `--resume`: "" for nothing; nil where it does not stand.
  private static func resumeValue(_ arguments: [String]) -> String? {
    for (place, token) in arguments.enumerated() {
      if token.hasPrefix("--resume=") { return String(token.dropFirst(9)) }
      guard token == "--resume" else { continue }
      let next = arguments.dropFirst(place + 1).first
      return next.map { $0.hasPrefix("-") ? "" : $0 } ?? ""
    }
    return nil
  }

  /// The run directory and the checkpoint that a value of `--resume` means.
  private static func places(_ value: String) throws -> (directory: String, checkpoint: String?) {
    guard !value.isEmpty else { return (try newest(in: "runs"), nil) }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: value, isDirectory: &isFolder) else {
      throw TrainingError.notFound(path: value)
    }
    func holdsRun(_ folder: String) -> Bool {
      FileManager.default.fileExists(atPath: RunDirectory.configuration(in: folder))
    }
    if isFolder.boolValue {
      guard holdsRun(value) else {
        throw TrainingError.runDirectory(
          path: value, problem: RunDirectory.noRun)
      }
      return (value, nil)
    }
    let folder = NSString(string: NSString(string: value).deletingLastPathComponent).deletingLastPathComponent
    let directory = folder.isEmpty ? "." : folder
    guard holdsRun(directory) else {
      throw TrainingError.runDirectory(
        path: value, problem: "lies in no run directory: \(directory) holds no config.json")
    }
    return (directory, value)
  }

  /// The run that wrote last.
  private static func newest(in parent: String) throws -> String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    let runs = names.compactMap { name -> (path: String, date: Date)? in
      let path = "\(parent)/\(name)"
      let log = MetricsLog.path(in: path)
      guard let date = try? FileManager.default.attributesOfItem(atPath: log)[.modificationDate] as? Date
      else { return nil }
      return (path, date)
    }
    guard let newest = runs.max(by: { ($0.date, $0.path) < ($1.date, $1.path) }) else {
      throw TrainingError.noCheckpoint(path: parent, findings: [])
    }
    return newest.path
  }

  /// What was in force in a run without being stated, by the option's name: the learning rate and the weight decay, where
  /// the optimizer has one of them.
  private static func inForce(in directory: String) -> [String: String] {
    guard let text = RunEnvironment(in: directory)?.optimizer,
      let expression = try? OptimizerExpression(parsing: text)
    else { return [:] }
    func values(_ name: String, _ expression: OptimizerExpression) -> [String] {
      expression.settings.filter { $0.name == name }.map(\.value)
        + expression.bases.flatMap { values(name, $0) }
    }
    var result: [String: String] = [:]
    for (option, name) in [("lr", "lr"), ("weight-decay", "weight_decay")] {
      let found = values(name, expression)
      if found.count == 1 { result[option] = found[0] }
    }
    return result
  }

  /// The file's values are the parser's to judge, alone first, so that what it says is known to be about the file.
  private static func check(_ file: Settings, _ table: OptionTable, _ path: String) throws {
    do {
      _ = try Convtrain.parse(file.tokens(table))
    } catch {
      let message = Convtrain.message(for: error)
      throw ConfigurationError(path: path, problem: message)
    }
  }

  private static func replacing(_ table: OptionTable, _ file: Settings, by stated: Settings) -> [String] {
    file.overridden(by: stated).tokens(table)
  }

  /// Without what a later statement contradicts.
  private static func yielding(_ file: Settings, to stated: Settings) -> Settings {
    var file = file
    for (name, other) in contradictions where stated.values[other] != nil { file.remove(name) }
    return file
  }

  private static func lasting(_ settings: Settings) -> Settings {
    var settings = settings
    for name in passing { settings.remove(name) }
    return settings.withAbsolutePaths()
  }

  private static func text(_ value: Settings.Value?) -> String {
    switch value {
    case nil: "not given"
    case .flag: "given"
    case .one(let text): text
    case .several(let texts): texts.joined(separator: " ")
    }
  }
}
