// What to train on.

import ArgumentParser
import Datasets

struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "'builtin' (drawn digits), 'builtin-color' (painted shapes), a folder (IDX files, CIFAR's binary files, NumPy "
        + "arrays, or a folder of images for each class), or the name of a fetched set: see "
        + "'convtrain datasets'.", valueName: "name|folder"), completion: .directory)
  var data = "builtin"

  @Option(
    help: ArgumentHelp("Share of the training images held back for validation, 0..<1.", valueName: "share"))
  var valSplit = 0.1

  @Option(
    help: ArgumentHelp(
      "Scales images to this many rows and columns, 8…256. (default: as they are)", valueName: "pixels"))
  var imageSize: Int?

  @Option(
    help: ArgumentHelp(
      "1 makes images grey, 3 gives grey ones three channels. (default: as they are)", valueName: "1|3"))
  var channels: Int?

  func validate() throws {
    guard !data.isEmpty else { throw ValidationError("--data is empty; name a folder, or leave it out") }
    try require((0..<1).contains(valSplit), "--val-split", valSplit, "0 or more and below 1")
    if let imageSize { try require((8...256).contains(imageSize), "--image-size", imageSize, "8 to 256") }
    if let channels { try require([1, 3].contains(channels), "--channels", channels, "1 or 3") }
  }

  /// - Parameter seed: of the run; divides a folder of images that has no test part.
  func load(seed: UInt64) throws(DatasetError) -> Dataset {
    try .named(data, images: ImageForm(size: imageSize, channels: channels), seed: seed)
  }
}
