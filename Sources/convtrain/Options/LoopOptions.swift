// How long and in which steps a network trains.

import ArgumentParser

struct LoopOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Passes over the training images, 1…1e9.", valueName: "count"))
  var epochs = 8

  @Option(help: ArgumentHelp("Images per step, 1…65536.", valueName: "count"))
  var batchSize = 64

  @Option(
    help: ArgumentHelp("The most steps of an epoch, 1…1e9. (default: no limit)", valueName: "count"))
  var limitBatches: Int?

  @Option(help: ArgumentHelp("Of initial weights, split, order and dropout.", valueName: "number"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("Threads, 1…1024. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Accepted; this build has no GPU backend and uses the CPU.")
  var gpu = false

  func validate() throws {
    try requireCount("--epochs", epochs, from: 1)
    try require((1...65536).contains(batchSize), "--batch-size", batchSize, "1 to 65536")
    try requireCount("--limit-batches", limitBatches, from: 1)
    if let threads { try require((1...1024).contains(threads), "--threads", threads, "1 to 1024") }
  }
}
