// How training images are changed each time they are seen.

import ArgumentParser
import Datasets

struct AugmentationOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The most pixels that an image moves along each axis.", valueName: "pixels"))
  var shift = 0

  @Option(
    help: ArgumentHelp("The most degrees that an image turns, 0…180.", valueName: "degrees"))
  var rotate = 0.0

  @Option(help: ArgumentHelp("Probability of a mirror image, left for right, 0…1.", valueName: "share"))
  var hflip = 0.0

  @Option(help: ArgumentHelp("Probability of a mirror image, top for bottom, 0…1.", valueName: "share"))
  var vflip = 0.0

  @Option(
    help: ArgumentHelp("Deviation of noise added to values of 0…1, 0…10.", valueName: "deviation"))
  var noise = 0.0

  @Option(help: ArgumentHelp("Side of a square that is blotted out.", valueName: "pixels"))
  var cutout = 0

  @Option(
    help: ArgumentHelp(
      "Pastes a box of another image, with its share of the label; sizes are Beta(alpha, alpha), 0.01…100. "
        + "(default: none)", valueName: "alpha"))
  var cutmix: Double?

  @Option(
    name: .customLong("randaugment-layers"),
    help: ArgumentHelp("Random operations for each image, 0…20.", valueName: "count"))
  var randAugmentLayers = 0

  @Option(
    name: .customLong("randaugment-magnitude"),
    help: ArgumentHelp("Strength of these operations, 0…30. (default: 9)", valueName: "strength"))
  var randAugmentMagnitude: Int?

  func validate() throws {
    try require(shift >= 0, "--shift", shift, "0 or more")
    try require((0...180).contains(rotate), "--rotate", rotate, "0 to 180")
    try require((0...1).contains(hflip), "--hflip", hflip, "0 to 1")
    try require((0...1).contains(vflip), "--vflip", vflip, "0 to 1")
    try require((0...10).contains(noise), "--noise", noise, "0 to 10")
    try require(cutout >= 0, "--cutout", cutout, "0 or more")
    if let cutmix { try require((0.01...100).contains(cutmix), "--cutmix", cutmix, "0.01 to 100") }
    try require((0...20).contains(randAugmentLayers), "--randaugment-layers", randAugmentLayers, "0 to 20")
    if let randAugmentMagnitude {
      guard randAugmentLayers > 0 else {
        throw ValidationError(
          "--randaugment-magnitude needs --randaugment-layers; add it, or leave --randaugment-magnitude out")
      }
      try require(
        (0...30).contains(randAugmentMagnitude), "--randaugment-magnitude", randAugmentMagnitude, "0 to 30")
    }
  }

  func augmentation() -> Augmentation {
    var result = Augmentation()
    result.shift = shift
    result.rotation = rotate
    result.horizontalFlip = hflip
    result.verticalFlip = vflip
    result.noise = noise
    result.cutout = cutout
    result.cutmix = cutmix
    if randAugmentLayers > 0 {
      result.randAugment = RandAugment(layers: randAugmentLayers, magnitude: randAugmentMagnitude ?? 9)
    }
    return result
  }
}
