// When a run is over, and a check that it can learn at all.

import ArgumentParser
import Training

struct StoppingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Ends the run after this many epochs in a row that were not better, 1…1e9. (default: no limit)",
      valueName: "epochs"))
  var patience: Int?

  @Option(
    help: ArgumentHelp("What of the validation tells the better epoch.", valueName: "accuracy|loss"))
  var monitor = MonitorName(monitor: .accuracy)

  @Option(
    help: ArgumentHelp(
      "Ends the run after the step in which this time is over: 90s, 30m, 1h30m, at most 1e9 s. (default: no limit)",
      valueName: "time"))
  var timeLimit: TimeSpan?

  @Flag(
    help: ArgumentHelp(
      "Makes every step on one batch, and validates on it: a sound network learns it by heart."))
  var overfitBatch = false

  func validate() throws {
    try requireCount("--patience", patience, from: 1)
  }
}
