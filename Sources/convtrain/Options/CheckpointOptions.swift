// Where a run is written down, and from what it goes on.

import ArgumentParser
import Training

struct CheckpointOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The run's folder: settings, log and checkpoints; must not hold a run. (default: "
        + "runs/<date>-<arch>-<optimizer>)", valueName: "folder"), completion: .directory)
  var runDir: String?

  @Flag(help: "Writes no run folder: nothing to go on from, nothing to look at later.")
  var noRunDir = false

  @Option(
    help: ArgumentHelp(
      "Takes a checkpoint after so many steps, or epochs with an 'e' behind, 1…1e9.",
      valueName: "steps|epochs"))
  var checkpointEvery = CheckpointInterval.everyEpoch

  @Option(
    help: ArgumentHelp(
      "The longest time without a checkpoint, above 0. (default: no limit)", valueName: "minutes"))
  var checkpointMinutes: Double?

  @Option(
    help: ArgumentHelp(
      "Newest checkpoints to keep, 1…1e9; the best one stays besides.", valueName: "count"))
  var keep = 3

  @Option(
    defaultAsFlag: "",
    help: ArgumentHelp(
      "Goes on with a run: its folder, or one of its checkpoints. (default: the last run in runs/)",
      valueName: "folder|file"), completion: .file())
  var resume: String?

  @Option(
    help: ArgumentHelp(
      "Takes settings from a file such as a run's config.json; other options override them.",
      valueName: "file"), completion: .file(extensions: ["json"]))
  var config: String?

  @Flag(help: "Shows what would be run and the memory that it needs, and ends; writes nothing.")
  var dryRun = false

  func validate() throws {
    try requireCount("--keep", keep, from: 1)
    if let checkpointMinutes {
      try require(
        checkpointMinutes > 0 && checkpointMinutes < 1e6, "--checkpoint-minutes", checkpointMinutes,
        "above 0 and below a million")
    }
    guard runDir == nil || !noRunDir else {
      throw ValidationError("--run-dir and --no-run-dir contradict each other; leave one out")
    }
    guard runDir != "" else { throw ValidationError("--run-dir is empty; name a folder, or leave it out") }
  }
}

extension CheckpointInterval: ExpressibleByArgument {
  public init?(argument: String) {
    self.init(argument)
    guard count <= largestCount else { return nil }
  }

  public var defaultValueDescription: String { text }
}
