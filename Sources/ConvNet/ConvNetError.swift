// Everything that can go wrong in this module, each with the thing concerned and the remedy.

/// Errors of networks: bad configurations, bad calls, and failures of the device.
public enum ConvNetError: Error, Equatable, CustomStringConvertible {
  /// A configuration value of `Network.init` is outside its range.
  case configuration(name: String, value: Int, range: String)
  /// A network option is outside its range.
  case option(name: String, value: String, range: String)
  /// A network option that the architecture has no use for; `users` are those that have.
  case unusedOption(name: String, architecture: String, users: [String])
  /// The image is too small (or otherwise unsuited) for the architecture at `layer`.
  case inputShape(architecture: String, input: InputShape, layer: String, minimum: Int)
  /// A step was asked for a number of images outside `1...batchSize`.
  case count(Int, batchSize: Int)
  /// A label is not a class index; nothing was computed.
  case label(Int, position: Int, classes: Int)
  /// The share of a mixed image's first label is outside 0…1; nothing was computed.
  case share(Float, position: Int)
  /// Batch normalisation has one value per channel only, so the variance to normalise by is undefined.
  case singleValuePerChannel(layer: String)
  /// The loss of a training step was to be evaluated again that was never made.
  case nothingToReevaluate
  /// Memory for the network could not be had.
  case outOfMemory(bytes: Int, purpose: String)
  /// The device library refused or failed an operation.
  case device(operation: String, layer: String, status: String)

  public var description: String {
    switch self {
    case .configuration(let name, let value, let range):
      return "\(name) is \(value); use a value in \(range)"
    case .option(let name, let value, let range):
      return "\(name) \(value) is out of range; use \(range)"
    case .unusedOption(let name, let architecture, let users):
      return
        "\(architecture) has no use for \(name): leave it out, or choose \(users.joined(separator: ", "))"
    case .inputShape(let architecture, let input, let layer, let minimum):
      return "\(architecture) cannot take \(input) images: nothing is left for \(layer); "
        + "use images of at least \(minimum)x\(minimum), padded if need be"
    case .count(let count, let batchSize):
      return "a batch of \(count) images does not fit a network made for batches of 1 to \(batchSize); "
        + "make the network with a larger batchSize or pass fewer images"
    case .label(let label, let position, let classes):
      return "label \(label) of image \(position) in the batch is outside 0..<\(classes); "
        + "check the data set or make the network with more classes"
    case .share(let share, let position):
      return "the share \(share) of the first label of image \(position) in the batch is outside 0…1; "
        + "check what mixes the images"
    case .singleValuePerChannel(let layer):
      return "\(layer) cannot train on one value per channel (one image of 1x1 at that depth); "
        + "use larger images or more than one image per batch"
    case .nothingToReevaluate:
      return "that training step was not made, so its loss cannot be evaluated again; call trainStep first"
    case .outOfMemory(let bytes, let purpose):
      return "no memory for \(purpose) (\(bytes) bytes); use a smaller batch size"
    case .device(let operation, let layer, let status):
      return "\(operation) of \(layer) failed in oneDNN: \(status); "
        + "check that the libdnnl found at run time is version 2.6 or a later 2.x"
    }
  }
}
