// Which optimizer trains, with which values.

import ArgumentParser
import OptimizerHost
import Training

struct OptimizerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Optimizer: a name, a path, or an expression such as 'sgd(momentum=0.9)' or './my.so:adamw'.",
      valueName: "expression"), completion: .file(extensions: ["so"]))
  var optimizerPlugin = "adam"

  @Option(
    help: ArgumentHelp("Sets a hyperparameter; may be given several times.", valueName: "name=value"))
  var opt: [String] = []

  @Option(help: ArgumentHelp("Learning rate, 0 or more. (default: 0.0005)", valueName: "rate"))
  var lr: Double?

  @Option(help: ArgumentHelp("Weight decay, 0 or more. (default: 0.0001)", valueName: "rate"))
  var weightDecay: Double?

  @Flag(help: "Loads plugins although other users could have changed them.")
  var allowInsecure = false

  @Flag(
    inversion: .prefixedNo,
    help:
      "Compiles the optimizer's formulas to programs for this machine, to the same bits; needs a C compiler. (default: --no-jit)"
  )
  var jit: Bool?

  @Flag(help: "Wraps the optimizer in Lookahead; its slow weights are validated, tested and saved.")
  var lookahead = false

  @Option(
    help: ArgumentHelp(
      "Lookahead: steps between synchronisations, 1…1e9. (default: 5)", valueName: "steps"))
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
    try requireCount("--lookahead-k", lookaheadK, from: 1)
    if let lookaheadAlpha {
      try require((0...1).contains(lookaheadAlpha), "--lookahead-alpha", lookaheadAlpha, "0 to 1")
    }
    _ = try overrides()
  }

  func request() throws -> OptimizerRequest {
    // A resumed run may be in another folder, and its expression must be the same.
    let optimizerPlugin = OptimizerExpression.withAbsolutePaths(optimizerPlugin)
    return OptimizerRequest(
      expression: lookahead
        ? "lookahead(k=\(lookaheadK ?? 5), alpha=\(lookaheadAlpha ?? 0.5), \(optimizerPlugin))"
        : optimizerPlugin,
      overrides: try overrides(), learningRate: lr, weightDecay: weightDecay)
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
