// What a run shows while it goes and at its end.

import ArgumentParser

struct DisplayOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Shows the result, warnings and errors only.")
  var quiet = false

  @Flag(
    name: .shortAndLong,
    help: "Shows every step too, where plugins are looked for, and how long each phase takes.")
  var verbose = false

  @Flag(
    help:
      "Prints events as JSON on stdout, an object on each line, the result last; with --quiet the result alone."
  )
  var json = false

  @Flag(help: "Draws the curves of loss and accuracy at the end, as wide as the terminal.")
  var plot = false

  @Flag(help: "Writes event files for TensorBoard, into tensorboard/ of the run directory.")
  var tensorboard = false

  @Option(
    help: ArgumentHelp("Writes them into this folder instead; implies --tensorboard.", valueName: "folder"),
    completion: .directory)
  var tensorboardDir: String?

  func validate() throws {
    if tensorboardDir?.isEmpty == true {
      throw ValidationError("--tensorboard-dir is empty; name a folder, or leave it out")
    }
    guard !(quiet && verbose) else {
      throw ValidationError("--quiet and --verbose contradict each other; leave one out")
    }
  }

  var level: Verbosity { quiet ? .quiet : verbose ? .verbose : .normal }
}

/// How much is said beside the result.
enum Verbosity {
  case quiet
  case normal
  case verbose
}
