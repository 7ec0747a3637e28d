// What becomes of losses and gradients before the optimizer sees them.

import ArgumentParser
import Training

struct GradientOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Spreads this share of each training label over all classes, 0..<1; training losses are those of the "
        + "smoothed labels.", valueName: "share"))
  var labelSmoothing = 0.0

  @Option(
    help: ArgumentHelp(
      "Scales gradients down to this global norm, above 0. (default: no limit)", valueName: "norm"))
  var gradClip: Double?

  @Option(
    help: ArgumentHelp(
      "Clips each value of the gradients to ± this, above 0. (default: no limit)", valueName: "value"))
  var gradClipValue: Double?

  @Option(
    help: ArgumentHelp(
      "Scales the gradient of each unit down to this share of its weights' norm, above 0, such as 0.01; not in the "
        + "last layer. (default: no limit)", valueName: "share"))
  var gradClipAdaptive: Double?

  @Option(
    help: ArgumentHelp(
      "Batches whose gradients are averaged for one step, 1…65536: a step sees that many times --batch-size images.",
      valueName: "count"))
  var accumulate = 1

  func validate() throws {
    try require(
      (0..<1).contains(labelSmoothing), "--label-smoothing", labelSmoothing, "0 or more and below 1")
    let clips = [
      ("--grad-clip", gradClip), ("--grad-clip-value", gradClipValue),
      ("--grad-clip-adaptive", gradClipAdaptive),
    ].compactMap { name, value in value.map { (name, $0) } }
    for (name, value) in clips { try require(value > 0, name, value, "above 0") }
    guard clips.count < 2 else {
      throw ValidationError(
        "\(clips.map(\.0).joined(separator: " and ")) exclude each other; keep one of them")
    }
    try require((1...65536).contains(accumulate), "--accumulate", accumulate, "1 to 65536")
  }

  var clipping: GradientClipping? {
    gradClip.map { .norm($0) } ?? gradClipValue.map { .value($0) } ?? gradClipAdaptive.map { .adaptive($0) }
  }
}
