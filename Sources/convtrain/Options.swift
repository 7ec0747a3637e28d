// The command line: every option with its range and default, and the run options they make.

import ArgumentParser
import ConvNet
import Foundation
import OptimizerHost
import Training

/// An architecture as the command line takes it: any case, `-` and `_` as one likes.
struct ArchitectureName: ExpressibleByArgument {
  let architecture: Architecture

  static let lenet = ArchitectureName(architecture: .lenet)

  private init(architecture: Architecture) {
    self.architecture = architecture
  }

  init?(argument: String) {
    guard let architecture = Architecture(name: argument) else { return nil }
    self.architecture = architecture
  }

  static var allValueStrings: [String] { Architecture.allCases.map(\.rawValue) }
  var defaultValueDescription: String { architecture.rawValue }
}

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

struct OptimizerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Optimizer: a name, a path, or an expression such as 'sgd(momentum=0.9)' or './my.so:adamw'.",
      valueName: "expression"))
  var optimizerPlugin = "adam"

  @Option(
    help: ArgumentHelp("Sets a hyperparameter; may be given several times.", valueName: "name=value"))
  var opt: [String] = []

  @Option(help: ArgumentHelp("Learning rate, 0 or more. (default: 0.0005)", valueName: "rate"))
  var lr: Double?

  @Option(help: ArgumentHelp("Weight decay, 0 or more. (default: 0.0001)", valueName: "rate"))
  var weightDecay: Double?

  @Flag(name: .customLong("no-decay-bias-norm"), help: "No weight decay for biases and norm parameters.")
  var noDecayBiasNorm = false

  @Flag(help: "Loads plugins although other users could have changed them.")
  var allowInsecure = false

  @Flag(help: "Wraps the optimizer in Lookahead; its slow weights are validated, tested and saved.")
  var lookahead = false

  @Option(
    help: ArgumentHelp(
      "Lookahead: steps between synchronisations, 1 or more. (default: 5)", valueName: "steps"))
  var lookaheadK: Int?

  @Option(
    help: ArgumentHelp(
      "Lookahead: share of the way to the fast weights, 0…1. (default: 0.5)", valueName: "share"))
  var lookaheadAlpha: Double?

  func validate() throws {
    if let lr { try require(lr.isFinite && lr >= 0, "--lr", lr, "0 or more") }
    if let weightDecay {
      try require(weightDecay.isFinite && weightDecay >= 0, "--weight-decay", weightDecay, "0 or more")
    }
    for (name, isGiven) in [
      ("--lookahead-k", lookaheadK != nil), ("--lookahead-alpha", lookaheadAlpha != nil),
    ] {
      guard !isGiven || lookahead else {
        throw ValidationError("\(name) needs --lookahead; add it, or leave \(name) out")
      }
    }
    if let lookaheadK { try require(lookaheadK >= 1, "--lookahead-k", lookaheadK, "1 or more") }
    if let lookaheadAlpha {
      try require((0...1).contains(lookaheadAlpha), "--lookahead-alpha", lookaheadAlpha, "0 to 1")
    }
    _ = try overrides()
  }

  func request() throws -> OptimizerRequest {
    OptimizerRequest(
      expression: lookahead
        ? "lookahead(k=\(lookaheadK ?? 5), alpha=\(lookaheadAlpha ?? 0.5), \(optimizerPlugin))"
        : optimizerPlugin,
      overrides: try overrides(), learningRate: lr, weightDecay: weightDecay,
      sparesBiasesAndNorms: noDecayBiasNorm)
  }

  func registry() -> PluginRegistry {
    var scanning = Scanning.standard()
    scanning.allowsInsecure = allowInsecure
    return .standard(scanning: scanning)
  }

  private func overrides() throws -> [(name: String, value: String)] {
    try opt.map { text in
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
        throw ValidationError("--opt \(text) is not of the form name=value, such as --opt momentum=0.9")
      }
      return (String(parts[0]), String(parts[1]))
    }
  }
}

struct LoopOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Passes over the training images, 1 or more.", valueName: "count"))
  var epochs = 8

  @Option(help: ArgumentHelp("Images per step, 1…65536.", valueName: "count"))
  var batchSize = 64

  @Option(
    help: ArgumentHelp(
      "Scales gradients down to this global norm, above 0. (default: no limit)", valueName: "norm"))
  var gradClip: Double?

  @Option(
    help: ArgumentHelp("The most steps of an epoch, 1 or more. (default: no limit)", valueName: "count"))
  var limitBatches: Int?

  @Option(help: ArgumentHelp("Of initial weights, split, order and dropout.", valueName: "number"))
  var seed: UInt64 = 42

  @Option(help: ArgumentHelp("Threads, 1…1024. (default: all cores)", valueName: "count"))
  var threads: Int?

  @Flag(help: "Accepted; this build has no GPU backend and uses the CPU.")
  var gpu = false

  func validate() throws {
    try require(epochs >= 1, "--epochs", epochs, "1 or more")
    try require((1...65536).contains(batchSize), "--batch-size", batchSize, "1 to 65536")
    if let gradClip { try require(gradClip > 0, "--grad-clip", gradClip, "above 0") }
    if let limitBatches { try require(limitBatches >= 1, "--limit-batches", limitBatches, "1 or more") }
    if let threads { try require((1...1024).contains(threads), "--threads", threads, "1 to 1024") }
  }
}

struct ResultOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Writes the weights after training, as safetensors with PyTorch's names.", valueName: "file"))
  var save: String?

  @Option(help: ArgumentHelp("Starts from weights that --save wrote.", valueName: "file"))
  var load: String?

  @Flag(help: "Only tests, which makes sense with --load.")
  var skipTrain = false

  @Option(
    help: ArgumentHelp(
      "Writes every call of the optimizer's functions for Perfetto or Chrome, and sums to stderr.",
      valueName: "file"))
  var trace: String?

  @Option(
    help: ArgumentHelp(
      "The most calls that --trace writes, 0 or more. (default: \(Trace.standardLimit))", valueName: "count"))
  var traceLimit: Int?

  @Flag(help: "Adds the confusion matrix of the test images.")
  var confusionMatrix = false

  @Flag(help: "Prints the result as one JSON object and nothing else on stdout.")
  var json = false

  func validate() throws {
    guard let traceLimit else { return }
    guard trace != nil else {
      throw ValidationError("--trace-limit needs --trace; add it, or leave --trace-limit out")
    }
    try require(traceLimit >= 0, "--trace-limit", traceLimit, "0 or more")
  }
}

extension Convtrain {
  /// The options of the run.
  func trainingOptions() throws -> TrainingOptions {
    var options = TrainingOptions()
    options.architecture = architecture.architecture
    options.epochs = results.skipTrain ? 0 : training.epochs
    options.batchSize = training.batchSize
    options.seed = training.seed
    options.threads = training.threads ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    options.validationFraction = data.valSplit
    options.gradientClip = training.gradClip
    options.limitBatches = training.limitBatches
    options.optimizer = try optimizer.request()
    return options
  }
}

private func require(_ holds: Bool, _ option: String, _ value: Any, _ range: String) throws {
  guard holds else { throw ValidationError("\(option) \(value) is out of range; use \(range)") }
}
