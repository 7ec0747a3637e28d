// Whole runs of the binary: results on stdout, weights on disk, the same bits each time, interruption.

import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct RunTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
  }

  /// The result: the last line.
  private func json(_ outcome: Outcome) throws -> [String: Any] {
    let line = try #require(outcome.output.split(separator: "\n").last)
    return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  @Test func jsonHoldsTheResult() throws {
    let outcome = try program.run(
      "lenet", "--epochs", "2", "--limit-batches", "30", "--lookahead", "--lookahead-k", "5",
      "--lookahead-alpha", "0.5", "--grad-clip", "5", "--lr", "0.002", "--threads", "2", "--seed", "7",
      "--json")
    #expect(outcome.status == 0, "\(outcome.error)")
    let result = try json(outcome)
    #expect(
      Set(result.keys) == [
        "arch", "optimizer", "epochs", "train_loss", "test_loss", "test_accuracy", "images_per_second",
        "seed",
        "threads",
      ])
    #expect(result["arch"] as? String == "lenet" && result["epochs"] as? Int == 2)
    #expect(result["seed"] as? Int == 7 && result["threads"] as? Int == 2)
    let optimizer = try #require(result["optimizer"] as? String)
    #expect(optimizer.contains("lookahead(") && optimizer.contains("k=5") && optimizer.contains("lr=0.002"))
    let accuracy = try #require(result["test_accuracy"] as? Double)
    #expect(accuracy > 0.25 && accuracy <= 1, "two short epochs beat chance")
    #expect((result["images_per_second"] as? Double ?? 0) > 0)
    #expect(outcome.error.contains("epoch 2/2") && outcome.error.contains("7,200 training"))
  }

  @Test func tableAndConfusionMatrix() throws {
    let outcome = try program.run("--epochs", "1", "--limit-batches", "5", "--confusion-matrix")
    #expect(outcome.status == 0, "\(outcome.error)")
    for text in ["network", "lenet", "test accuracy", "of 2,000", "confusion"] {
      #expect(outcome.output.contains(text), "\(outcome.output)")
    }
    // A line of heading, one of numbers, one for each class.
    let lines = outcome.output.components(separatedBy: "confusion")[1].split(separator: "\n")
    #expect(lines.count == 12, "\(outcome.output)")
    #expect(!outcome.error.contains("\u{1B}") && !outcome.error.contains("\r"), "plain lines in a file")
  }

  /// Muon trains the matrices, Adam the rest; what a plugin has to say goes to stderr.
  @Test func muonTrainsAndSpeaks() throws {
    let outcome = try program.run(
      "lenet", "--epochs", "1", "--limit-batches", "40", "--optimizer-plugin",
      "muon(lr=0.02, adam(lr=0.001))", "--json")
    #expect(outcome.status == 0, "\(outcome.error)")
    let accuracy = try #require(try json(outcome)["test_accuracy"] as? Double)
    #expect(accuracy > 0.5 && !outcome.error.contains("plugin: warning"), "\(accuracy) \(outcome.error)")
    let idle = try program.run(
      "lenet", "--epochs", "1", "--limit-batches", "1", "--optimizer-plugin",
      "muon(matrices_to_base=true, adam)")
    #expect(
      idle.error.contains("\nplugin: warning: muon has no matrix")
        || idle.error.hasPrefix("plugin: warning: muon"))
    #expect(!idle.output.contains("plugin: warning"))
  }

  @Test func sameSeedSameBits() throws {
    func weights(_ file: String, seed: String) throws -> Data {
      let outcome = try program.run(
        "lenet", "--epochs", "1", "--limit-batches", "20", "--lookahead", "--threads", "2", "--seed", seed,
        "--save", file)
      #expect(outcome.status == 0 && outcome.output.contains(file), "\(outcome.error)")
      return try program.contents(file)
    }
    let first = try weights("a.safetensors", seed: "5")
    #expect(try weights("b.safetensors", seed: "5") == first)
    #expect(try weights("c.safetensors", seed: "6") != first)
    #expect(try program.names() == ["a.safetensors", "b.safetensors", "c.safetensors"])
  }

  @Test func savedWeightsComeBack() throws {
    let trained = try json(
      program.run("lenet", "--epochs", "1", "--limit-batches", "30", "--save", "w.safetensors", "--json"))
    let loaded = try json(
      program.run("lenet", "--load", "w.safetensors", "--skip-train", "--json", "--confusion-matrix"))
    #expect(loaded["test_loss"] as? Double == trained["test_loss"] as? Double)
    #expect(loaded["test_accuracy"] as? Double == trained["test_accuracy"] as? Double)
    #expect(loaded["epochs"] as? Int == 0 && loaded["train_loss"] is NSNull)
    #expect((loaded["confusion_matrix"] as? [[Int]])?.joined().reduce(0, +) == 2000)
    let other = try program.run("baseline", "--load", "w.safetensors", "--skip-train")
    #expect(other.status == 65 && other.error.contains("w.safetensors") && other.error.contains("lenet"))
  }

  /// The command line of the program that this one follows, shortened by small data.
  @Test func residualNetworkOnIDXFiles() throws {
    try program.writeIDX(BuiltinDigits.make(trainCount: 80, testCount: 20), to: "digits")
    let outcome = try program.run(
      "res_net-18", "--data", "digits", "--epochs", "1", "--batch-size", "16", "--limit-batches", "2",
      "--lookahead", "--lookahead-k", "5", "--lookahead-alpha", "0.5", "--grad-clip", "5", "--gpu",
      "--no-decay-bias-norm", "--json")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try json(outcome)["arch"] as? String == "resnet18")
    #expect(outcome.error.contains("no GPU backend; using the CPU"))
    #expect(outcome.error.contains("72 training, 8 validation, 20 test"))
  }

  @Test func hyperparametersByPrecedence() throws {
    let outcome = try program.run(
      "--optimizer-plugin", "adam(lr=0.1, beta1=0.5)", "--lr", "0.01", "--opt", "beta1=0.25", "--opt",
      "eps=1e-6",
      "--limit-batches", "1", "--epochs", "1", "--json")
    let optimizer = try #require(try json(outcome)["optimizer"] as? String)
    for value in ["lr=0.01", "beta1=0.25", "weight_decay=0.0001"] {
      #expect(optimizer.contains(value), "\(optimizer)")
    }
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func signalsEndTheRunAfterTheStep(number: Int32, status: Int32) throws {
    try program.writeIDX(BuiltinDigits.make(trainCount: 80, testCount: 20), to: "digits")
    let running = try program.start([
      "--data", "digits", "--epochs", "100000", "--save", "w.safetensors",
    ])
    try running.waitForError("1/100000  loss")
    kill(running.process.processIdentifier, number)
    let outcome = try running.finish()
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.output == "")
    #expect(
      outcome.error.contains("interrupted after") && outcome.error.contains("w.safetensors was not written"))
    #expect(try program.names() == ["digits"])
    let found = try #require(
      outcome.error.firstMatch(of: /interrupted after ([\d,]+) (steps?) \(([\d,]+) (whole epochs?),/))
    #expect((found.1 == "1") == (found.2 == "step") && (found.3 == "1") == (found.4 == "whole epoch"))
  }

  @Test func onlySeveralThingsAreNamedInThePlural() throws {
    let outcome = try program.run(
      "--epochs", "1", "--limit-batches", "1", "--group", "fc2.bias:lr=0.1", "--run-dir", "run")
    #expect(outcome.status == 0 && outcome.error.contains("at most 1 step each"), "\(outcome.error)")
    #expect(outcome.error.contains("fc2.bias: 1 tensor, 10 parameters, lr=0.1"), "\(outcome.error)")
    let again = try program.run("--resume", "run")
    #expect(again.error.contains("its one epoch is trained"), "\(again.error)")
    for text in [outcome.error, outcome.output, again.error, again.output] {
      let wrong = text.firstMatch(of: /\b1 (steps|(whole )?epochs|parameters|tensors|images|classes)\b/)
      #expect(wrong == nil, "\(text)")
    }
  }

  #if os(Linux)
    /// What the running program's OpenMP saw; a setting of the user's own stays.
    @Test(arguments: [(nil, "1000"), ("77", "77")] as [(String?, String)])
    func threadsWaitBriefly(own: String?, expected: String) throws {
      let running = try program.start(
        ["--epochs", "100000"], environment: own.map { ["GOMP_SPINCOUNT": $0] } ?? [:])
      try running.waitForError("threads")
      let path = "/proc/\(running.process.processIdentifier)/environ"
      let environment = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
      kill(running.process.processIdentifier, SIGINT)
      #expect(environment.split(separator: "\0").contains("GOMP_SPINCOUNT=\(expected)"))
      #expect(try running.finish().status == 130)
    }
  #endif

  /// `convtrain | head -1`, and the reader leaves at once.
  @Test func aClosedPipeDoesNotSpoilTheRun() throws {
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    let outcome = try program.start(
      ["--epochs", "1", "--limit-batches", "2", "--save", "w.safetensors"], output: pipe.fileHandleForWriting
    ).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(!outcome.error.contains("Error") && !outcome.error.contains("Fatal"))
    #expect(try program.names() == ["w.safetensors"])
  }
}
