// Options of the recipe as the parser takes them: what each form means, and refusals that name option and remedy.

import ConvNet
import TestSupport
import Testing
import Training

@testable import convtrain

@Suite struct OptionRefusalTests {
  private func options(_ arguments: String...) throws -> TrainingOptions {
    try Convtrain.parse(arguments).trainingOptions()
  }

  @Test(arguments: [
    ("90s", 90.0), ("30m", 1800), ("1h30m", 5400), ("1h5s", 3605), ("2h", 7200), ("45", 45), ("0.5", 0.5),
    ("1.5m", 90), ("1h1m1s", 3661),
  ]) func timesHaveUnits(text: String, seconds: Double) throws {
    #expect(try options("--time-limit", text).timeLimit == seconds)
  }

  @Test func warmupsHaveUnits() throws {
    let forms: [(String, Warmup.Length)] = [
      ("500", .steps(500)), ("0", .steps(0)), ("2e", .epochs(2)), ("0.5e", .epochs(0.5)),
      ("5%", .share(0.05)),
      ("100%", .share(1)),
    ]
    for (text, length) in forms {
      #expect(try options("--warmup", text).schedule.warmup?.length == length, "\(text)")
    }
    let started = try options("--warmup", "3", "--warmup-start", "0.25").schedule.warmup
    #expect(started?.start == 0.25)
    #expect(try options("--schedule", "wsd").schedule.warmup?.length == .share(0.05))
    #expect(try options("--schedule", "cosine").schedule.warmup == nil)
  }

  @Test func schedulesTakeTheirValues() throws {
    let steps = try options("--schedule", "multistep", "--milestones", "3,6,9", "--gamma", "0.5").schedule
    #expect(steps.family == .multistep(Multistep(milestones: [3, 6, 9], gamma: 0.5)))
    #expect(try options("--schedule", "cosine", "--min-lr", "1e-5").schedule.family == .cosine(minimum: 1e-5))
    #expect(try options("--schedule-every", "step").schedule.every == .step)
  }

  @Test func kindsWithoutDecay() throws {
    #expect(try options("--no-decay", "bias").optimizer.undecayed == [.bias])
    #expect(try options("--no-decay", "norm,bias").optimizer.undecayed == [.bias, .norm])
    #expect(try options("--no-decay-bias-norm").optimizer.undecayed == [.bias, .norm])
    #expect(try options().optimizer.undecayed.isEmpty)
  }

  @Test func clipsAreOneOfThree() throws {
    #expect(try options("--grad-clip", "5").gradientClipping == .norm(5))
    #expect(try options("--grad-clip-value", "0.5").gradientClipping == .value(0.5))
    #expect(try options("--grad-clip-adaptive", "0.01").gradientClipping == .adaptive(0.01))
    #expect(try options().gradientClipping == nil)
  }

  /// Arguments, and the text of the refusal: the thing, and what to do.
  private static let refusals: [(arguments: [String], texts: [String])] =
    ["", "0", "-5", "soon", "5x", "30m1h", "1h1h", "m", "1h5", "nan", "inf", "1e"].map {
      (["--time-limit=\($0)"], ["'--time-limit <time>'", "90s, 30m, 1h30m"])
    }
    + ["", "-1", "1.5", "2x", "-1e", "101%", "%", "e", "nan%", "nane"].map {
      (["--warmup=\($0)"], ["'--warmup <length>'", "steps (500), epochs (2e) or a share of the run (5%)"])
    }
    + ["", "0", "3,", "3,,6", "3;6", "-1", "1.5"].map {
      (["--schedule", "multistep", "--milestones=\($0)"], ["'--milestones <list>'", "such as 30,60,80"])
    }
    + ["", "weight", "bias,", "bias norm", "Bias"].map {
      (["--no-decay=\($0)"], ["'--no-decay <kinds>'", "bias, norm, or bias,norm"])
    }
    + ["conv1", "conv1:", ":lr=1", "conv1:lr", "conv1:lr=", "conv1:=1", "conv1:lr=1,"].map {
      (["--group=\($0)"], ["--group \($0) is not of the form", "--group 'conv1.*:lr=1e-4,weight_decay=0'"])
    }
    + [
      (
        ["--grad-clip", "1", "--grad-clip-value", "1"],
        ["--grad-clip and --grad-clip-value exclude each other; keep one"]
      ),
      (
        ["--grad-clip-value", "1", "--grad-clip-adaptive", "1"],
        ["--grad-clip-value and --grad-clip-adaptive exclude each other; keep one"]
      ),
      (["--grad-clip-adaptive", "0"], ["--grad-clip-adaptive 0.0 is out of range; use above 0"]),
      (["--schedule", "multistep"], ["--schedule multistep needs --milestones"]),
      (["--schedule", "sawtooth"], ["--schedule", "one-cycle"]),
      (
        ["--schedule", "plateau", "--schedule-every", "step"],
        ["judged after each epoch; leave --schedule-every step out"]
      ),
      (["--warmup-start", "0.1"], ["--warmup-start needs --warmup"]),
      (
        ["--schedule", "one-cycle", "--warmup-start", "0.1"],
        ["--warmup-start is not for one-cycle; use --cycle-start"]
      ),
      (["--warmup", "3", "--warmup-start", "1.5"], ["--warmup-start 1.5 is out of range; use 0 to 1"]),
      (["--patience", "0"], ["--patience 0 is out of range; use 1 to 1000000000"]),
      (["--accumulate", "0"], ["--accumulate 0 is out of range; use 1 to 65536"]),
      (["--label-smoothing", "1"], ["--label-smoothing 1.0 is out of range; use 0 or more and below 1"]),
      (
        ["--tensorboard", "--no-run-dir"],
        ["with --no-run-dir there is none; name a folder with --tensorboard-dir"]
      ),
      (["--tensorboard", "--skip-train"], ["with --skip-train there is none; name a folder"]),
      (["--monitor", "luck"], ["--monitor", "accuracy"]),
    ]
    + [
      ("--milestones", "3", "multistep"), ("--gamma", "0.5", "multistep"),
      ("--min-lr", "0", "cosine or wsd or plateau"), ("--cycle-start", "9", "one-cycle"),
      ("--cycle-end", "9", "one-cycle"), ("--decay-share", "0.5", "wsd"), ("--decay-shape", "sqrt", "wsd"),
      ("--plateau-factor", "0.5", "plateau"), ("--plateau-patience", "1", "plateau"),
      ("--plateau-threshold", "0.1", "plateau"), ("--plateau-cooldown", "1", "plateau"),
    ].map { name, value, needed in
      ([name, value], ["\(name) needs --schedule \(needed); add it, or leave \(name) out"])
    }

  /// Every option that counts has an end: what is computed from it does not overflow.
  @Test(arguments: [
    "--epochs", "--limit-batches", "--patience", "--keep", "--lookahead-k", "--trace-limit",
    "--plateau-patience", "--plateau-cooldown", "--batch-size", "--accumulate", "--threads",
    "--randaugment-layers", "--randaugment-magnitude", "--warmup", "--milestones", "--checkpoint-every",
    "--time-limit", "--checkpoint-minutes", "--image-size", "--channels",
  ]) func countsHaveLimits(option: String) throws {
    let needs = [
      "--lookahead-k": ["--lookahead"], "--trace-limit": ["--trace", "t"],
      "--plateau-patience": ["--schedule", "plateau"], "--plateau-cooldown": ["--schedule", "plateau"],
      "--milestones": ["--schedule", "multistep"], "--randaugment-magnitude": ["--randaugment-layers", "2"],
    ]
    for value in ["1000000001", "100000000000000000", "9223372036854775807"] {
      let arguments = (needs[option] ?? []) + [option, value]
      let error = #expect(throws: (any Error).self, "\(arguments)") { try Convtrain.parse(arguments) }
      guard let error else { continue }
      #expect(Convtrain.exitCode(for: error).rawValue == 64 && Convtrain.message(for: error).contains(option))
    }
  }

  /// A plan for the largest numbers that are taken, at once.
  @Test(
    .timeLimit(.minutes(60)),
    arguments: [
      ["--epochs", "1000000000"],
      ["--epochs", "1000000000", "--schedule", "constant", "--warmup", "1000000000"],
      ["--epochs", "1000000000", "--schedule-every", "step", "--keep", "1000000000", "--warmup", "1000000e"],
      ["--seed", "18446744073709551615", "--checkpoint-every", "1000000000e", "--patience", "1000000000"],
      ["--schedule", "multistep", "--milestones", "3,1000000000", "--time-limit", "1000000000"],
      ["--limit-batches", "1000000000", "--accumulate", "65536", "--epochs", "1000000000"],
    ]) func theLargestNumbersAreTaken(arguments: [String]) throws
  {
    let program = try Program("convtrain")
    let outcome = try program.start(["mlp", "--hidden-sizes", "4", "--dry-run"] + arguments).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
  }

  @Test func nonsenseIsRefusedByName() {
    for (arguments, texts) in Self.refusals {
      let error = #expect(throws: (any Error).self, "\(arguments)") { try Convtrain.parse(arguments) }
      guard let error else { continue }
      #expect(Convtrain.exitCode(for: error).rawValue == 64, "\(arguments)")
      // The usage below it names every option, and lines may be wrapped.
      let message = Convtrain.fullMessage(for: error).components(separatedBy: "Usage:")[0]
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for text in texts { #expect(message.contains(text), "\(arguments): \(message)") }
    }
  }

  /// What only the network, the optimizer or the data can tell.
  @Test(arguments: [
    (
      ["--group", "cnv1.*:lr=1"],
      ["no parameter is named as 'cnv1.*'", "Did you mean 'conv1.*'?", "conv1.weight, conv1.bias"]
    ),
    (
      ["--group", "conv1.*:learning=1"],
      ["hyperparameter 'learning': 'adam' has none of that name; it has lr, beta1, beta2, eps, weight_decay"]
    ),
    (
      ["--lookahead", "--group", "conv1.*:alpa=1"],
      ["'lookahead' has none of that name; it has k, alpha, ", "base.lr, ", "Did you mean 'alpha'?"]
    ),
    (["--no-decay", "norm"], ["no weight decay for norm is out of range; use what the network has, bias"]),
    (["--val-split", "0", "--patience", "2"], ["looks at validation images", "--val-split"]),
    (["--val-split", "0", "--schedule", "plateau"], ["looks at validation images", "--val-split"]),
  ]) func whatTheRunFinds(arguments: [String], texts: [String]) throws {
    let program = try Program("convtrain")
    let outcome = try program.start(arguments + ["--no-run-dir"]).finish()
    #expect(outcome.status == 64 && outcome.output == "", "\(outcome.error)")
    for text in texts { #expect(outcome.error.contains(text), "\(outcome.error)") }
  }
}
