// What can be chosen of the network beside its architecture.

import ArgumentParser
import ConvNet

struct StructureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "mlp: units of the hidden layers, such as 512,256,128. (default: 512,256,128)", valueName: "sizes"))
  var hiddenSizes: HiddenSizes?

  @Flag(
    inversion: .prefixedNo, help: "mlp: batch normalization before each ReLU. (default: --no-batch-norm)")
  var batchNorm: Bool?

  @Option(
    help: ArgumentHelp("lenet: what is taken of each window. (default: max)", valueName: "max|average"))
  var pooling: Pooling?

  @Option(
    help: ArgumentHelp(
      "mlp, alexnet, vgg16, efficientnet: rate of the classifier's dropout, 0..<1. (default: 0; 0.5; 0.5; 0.2)",
      valueName: "rate"))
  var dropout: Double?

  @Option(
    help: ArgumentHelp(
      "efficientnet, convnext: rate at which training leaves out the last branch, earlier ones in proportion, "
        + "0..<1. (default: 0.2; 0.1)", valueName: "rate"))
  var dropPath: Double?

  /// Which of these an architecture has a use for, and their ranges, is its own affair.
  var networkOptions: NetworkOptions {
    var options = NetworkOptions()
    options.hiddenSizes = hiddenSizes?.values
    options.batchNorm = batchNorm
    options.dropout = dropout
    options.dropPath = dropPath
    options.pooling = pooling
    return options
  }
}

extension Pooling: ExpressibleByArgument {}

/// Whole numbers with commas between them.
struct HiddenSizes: ExpressibleByArgument {
  let values: [Int]

  init?(argument: String) {
    let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.allSatisfy({ $0 != nil }) else { return nil }
    values = numbers.compactMap { $0 }
  }
}
