// What a run starts from, and what it leaves.

import ArgumentParser
import OptimizerHost

struct ResultOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Writes the weights after training, as safetensors with PyTorch's names.", valueName: "file"),
    completion: .file())
  var save: String?

  @Option(
    help: ArgumentHelp(
      "Starts from weights that --save wrote, or from those of a checkpoint.", valueName: "file"),
    completion: .file())
  var load: String?

  @Flag(help: "Only tests, which makes sense with --load.")
  var skipTrain = false

  @Option(
    help: ArgumentHelp(
      "Writes every call of the optimizer's functions for Perfetto or Chrome, and sums to stderr.",
      valueName: "file"), completion: .file())
  var trace: String?

  @Option(
    help: ArgumentHelp(
      "The most calls that --trace writes, 0…1e9. (default: \(Trace.standardLimit))", valueName: "count"))
  var traceLimit: Int?

  @Flag(help: "Adds the confusion matrix of the test images.")
  var confusionMatrix = false

  func validate() throws {
    guard let traceLimit else { return }
    guard trace != nil else {
      throw ValidationError("--trace-limit needs --trace; add it, or leave --trace-limit out")
    }
    try requireCount("--trace-limit", traceLimit, from: 0)
  }
}
