// What to train on.

import ArgumentParser

struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "'builtin' (drawn digits), or a folder with the four IDX files of MNIST, Fashion-MNIST, KMNIST or "
        + "an EMNIST split, raw or .gz.", valueName: "builtin|folder"))
  var data = "builtin"

  @Option(
    help: ArgumentHelp("Share of the training images held back for validation, 0..<1.", valueName: "share"))
  var valSplit = 0.1

  func validate() throws {
    guard !data.isEmpty else { throw ValidationError("--data is empty; name a folder, or leave it out") }
    try require((0..<1).contains(valSplit), "--val-split", valSplit, "0 or more and below 1")
  }
}
