// A run's folder as the command line makes it and goes on with it.

import Datasets
import Foundation
import Safetensors
import TestSupport
import Testing
import Training

@Suite struct RunDirectoryTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
    try program.writeIDX(BuiltinDigits.make(trainCount: 60, testCount: 10), to: "digits")
  }

  /// Six steps of a moment each.
  private func begin(_ more: String...) throws -> Outcome {
    try program.start(
      [
        "mlp", "--hidden-sizes", "4", "--data", "digits", "--epochs", "2", "--batch-size", "20", "--threads",
        "1",
      ] + more
    ).finish()
  }

  private func json(_ name: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: program.contents(name)) as? [String: Any])
  }

  private func steps(_ run: String) throws -> [Int] {
    try MetricsLog.records(program.path("\(run)/metrics.jsonl")).compactMap {
      if case .step(let step) = $0 { step.step } else { nil }
    }
  }

  @Test func aFolderOfItsOwn() throws {
    let outcome = try begin("--lr", "0.01", "--opt", "beta1=0.8")
    #expect(outcome.status == 0, "\(outcome.error)")
    _ = try begin("--lr", "0.02", "--opt", "beta1=0.8")
    let names = try FileManager.default.contentsOfDirectory(atPath: program.path("runs")).sorted()
    #expect(names.count == 2 && names[0].hasSuffix("-mlp-adam") && names[1] == names[0] + "-2", "\(names)")
    #expect(outcome.error.contains("run directory: runs/\(names[0])"))
    let config = try json("runs/\(names[0])/config.json")
    #expect(config["arch"] as? String == "mlp" && config["lr"] as? Double == 0.01)
    #expect(config["seed"] as? Int == 42 && config["opt"] as? [String] == ["beta1=0.8"])
    let environment = try json("runs/\(names[0])/environment.json")
    let plugins = try #require(environment["plugins"] as? [[String: Any]])
    #expect(plugins.count == 1 && (plugins[0]["hash"] as? String)?.count == 64)
    let index = try json("runs/\(names[0])/checkpoints/index.json")
    #expect(index["last"] as? String == "step-00000006.safetensors" && index["best"] is String)
    // Without --resume's argument: the run that wrote last.
    let again = try program.run("--resume")
    #expect(again.status == 0 && again.error.contains(names[1]), "\(again.error)")
  }

  @Test func aConfigurationRepeatsTheRun() throws {
    #expect(try begin("--run-dir", "first", "--lr", "0.01", "--save", "a.safetensors").status == 0)
    let outcome = try program.run(
      "--config", "first/config.json", "--run-dir", "second", "--save", "b.safetensors")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try program.contents("a.safetensors") == program.contents("b.safetensors"))
    let other = try program.run(
      "--config", "first/config.json", "--no-run-dir", "--lr", "0.02", "--save", "c.safetensors")
    #expect(other.status == 0 && other.error.contains("lr=0.02"), "\(other.error)")
    #expect(try program.contents("a.safetensors") != program.contents("c.safetensors"))
  }

  /// A flag of the command line undoes its opposite in the file, and one of them is written.
  @Test func aFlagUndoesItsOpposite() throws {
    #expect(try begin("--run-dir", "first", "--no-batch-norm").status == 0)
    let outcome = try program.run("--config", "first/config.json", "--run-dir", "second", "--batch-norm")
    #expect(outcome.status == 0, "\(outcome.error)")
    let config = try json("second/config.json")
    #expect(config["batch-norm"] as? Bool == true && config["no-batch-norm"] == nil)
    let checkpoint = try program.contents("second/checkpoints/step-00000006.safetensors")
    #expect(checkpoint.range(of: Data("running_mean".utf8)) != nil)
  }

  @Test(arguments: [
    (#"{"epoch": 3}"#, 64, "epoch is no option of convtrain. Did you mean 'epochs'?"),
    (#"{"epochs": true}"#, 64, "epochs takes a number or a text"),
    (#"{"lookahead": 1}"#, 64, "lookahead takes true or false"),
    (#"{"batch-norm": true, "no-batch-norm": true}"#, 64, "contradict each other"),
    (#"{"epochs": null}"#, 64, "epochs is null; give it a value, or leave it out"),
    (
      #"{"epochs": 1, "save": "epochs\\\"", "opt": ["lr"], "lr": 1, "epochs" : 2}"#, 64, "epochs stands twice"
    ),
    (#"{"epochs": 0}"#, 64, "--epochs 0 is out of range"), (#"[1]"#, 64, "is no JSON object"),
    (#"{"epochs": {}}"#, 64, "no number, text, truth value or list of texts"),
    (#"{"#, 64, "is no JSON object"),
  ])
  func configurationsThatCannotBeFollowed(text: String, status: Int, message: String) throws {
    try program.write(Array(text.utf8), to: "c.json")
    let outcome = try program.run("--config", "c.json")
    #expect(Int(outcome.status) == status && outcome.output == "", "\(outcome.error)")
    #expect(outcome.error.contains("c.json") && outcome.error.contains(message), "\(outcome.error)")
    #expect(try program.run("--config", "none.json").status == 66)
  }

  @Test func resumingRefusesAnotherRun() throws {
    #expect(try begin("--run-dir", "run").status == 0)
    for (arguments, status, text) in [
      (["--resume", "run", "--lr", "0.1"], 64, "--lr was not given and is 0.1: that would be another run"),
      (["lenet", "--resume", "run"], 64, "arch was mlp and is lenet"),
      (["--resume", "run", "--run-dir", "other"], 64, "leave --run-dir out"),
      (["--resume", "run", "--config", "run/config.json"], 64, "leave --config out"),
      (
        ["--resume", "run", "--skip-train"], 64, "use --load run/checkpoints/step-….safetensors --skip-train"
      ),
      (["--resume", "run", "--bogus"], 64, "Unknown option '--bogus'"),
      (["--resume", "run", "--resume", "digits"], 64, "--resume is given more than once"),
      (["--config", "run/config.json", "--keep", "2", "mlp", "mlp"], 64, "Unexpected argument 'mlp'"),
      (["--resume", "nowhere"], 66, "nowhere"),
      (["--resume", "digits"], 65, "holds no config.json; name a run's folder"),
      (["--resume", "digits/train-labels-idx1-ubyte"], 65, "lies in no run directory"),
      (["--run-dir", "run"], 73, "holds a run already"),
    ] {
      let outcome = try program.start(arguments).finish()
      #expect(Int(outcome.status) == status && outcome.error.contains(text), "\(arguments): \(outcome.error)")
    }
    // The values in force, stated or not.
    let same = try program.run(
      "--resume", "run", "--lr", "5e-4", "--weight-decay", "0.0001", "--data", "./digits")
    #expect(same.status == 0, "\(same.error)")
    #expect(try json("run/environment.json")["optimizer"].map { "\($0)" }?.contains("lr=0.0005") == true)
    // What is stated as it was changes nothing; more epochs are allowed.
    let more = try program.run("--resume", "run", "--batch-size", "20", "--epochs", "3")
    #expect(more.status == 0 && more.error.contains("--epochs was 2 and is 3"), "\(more.error)")
    #expect(try steps("run") == Array(1...9) && json("run/config.json")["epochs"] as? Int == 3)
  }

  /// Paths in the settings mean the same from another folder.
  @Test func aRunGoesOnFromAnotherFolder() throws {
    let plugin = BuildProducts.directory.appendingPathComponent("libSGD.so").path
    try FileManager.default.copyItem(atPath: plugin, toPath: program.path("own.so"))
    let first = try begin(
      "--run-dir", "run", "--optimizer-plugin", "./own.so:sgd(lr=0.01)", "--save", "w.st")
    #expect(first.status == 0, "\(first.error)")
    let config = try json("run/config.json")
    let folder = try #require(config["data"] as? String).dropLast("/digits".count)
    #expect(config["optimizer-plugin"] as? String == "\(folder)/own.so:sgd(lr=0.01)")
    #expect(config["save"] as? String == "\(folder)/w.st")
    let other = try Program("convtrain")
    let resumed = try other.run("--resume", program.path("run"), "--epochs", "3")
    #expect(resumed.status == 0, "\(resumed.error)")
    let again = try other.run(
      "--config", program.path("run/config.json"), "--no-run-dir", "--save", "here.st")
    #expect(
      again.status == 0 && FileManager.default.fileExists(atPath: other.path("here.st")), "\(again.error)")
  }

  /// Network, weights and standardisation come from the checkpoint; the file that the run began with may be gone.
  @Test func theLoadedFileMayChangeAndGo() throws {
    #expect(try begin("--no-run-dir", "--save", "w.safetensors").status == 0)
    let whole = try program.run(
      "mlp", "--data", "digits", "--epochs", "2", "--batch-size", "20", "--threads", "1", "--load",
      "w.safetensors", "--run-dir", "run", "--checkpoint-every", "1", "--keep", "9", "--save", "a.safetensors"
    )
    #expect(whole.status == 0, "\(whole.error)")
    let first = try program.contents("a.safetensors")
    var weights = try TrainedWeights(reading: program.path("w.safetensors"))
    weights.file.metadata["mean"] = "0.4"
    try weights.write(to: program.path("w.safetensors"))
    for isThere in [true, false] {
      if !isThere { try FileManager.default.removeItem(atPath: program.path("w.safetensors")) }
      try FileManager.default.removeItem(atPath: program.path("a.safetensors"))
      let outcome = try program.run("--resume", "run/checkpoints/step-00000002.safetensors")
      #expect(outcome.status == 0, "\(outcome.error)")
      #expect(try program.contents("a.safetensors") == first)
    }
  }

  /// A checkpoint without the metadata of weights: the file that the run began with is needed again.
  @Test func anOlderCheckpointTakesTheLoadedFileAgain() throws {
    #expect(try begin("--no-run-dir", "--save", "w.safetensors").status == 0)
    var weights = try TrainedWeights(reading: program.path("w.safetensors"))
    weights.file.metadata["mean"] = "0.4"
    try weights.write(to: program.path("w.safetensors"))
    let whole = try begin(
      "--load", "w.safetensors", "--run-dir", "run", "--checkpoint-every", "1", "--keep", "9", "--save",
      "a.safetensors")
    #expect(whole.status == 0, "\(whole.error)")
    let first = try program.contents("a.safetensors")
    let checkpoint = "run/checkpoints/step-00000002.safetensors"
    var file = try SafetensorsFile(verifying: [UInt8](program.contents(checkpoint)))
    for name in ["arch", "input_shape", "classes", "hidden_sizes", "batch_norm", "mean", "deviation"] {
      file.metadata[name] = nil
    }
    try file.withChecksums().write(to: program.path(checkpoint))
    let outcome = try program.run("--resume", checkpoint)
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error.contains("w.safetensors again"), "\(outcome.error)")
    #expect(try program.contents("a.safetensors") == first)
    try FileManager.default.removeItem(atPath: program.path("w.safetensors"))
    let gone = try program.run("--resume", checkpoint)
    #expect(gone.status == 66 && gone.error.contains("w.safetensors: no such file"), "\(gone.error)")
  }

  /// What is damaged is found before settings and environment are written anew.
  @Test func aFailedResumeChangesNothing() throws {
    #expect(try begin("--run-dir", "run").status == 0)
    let log = String(decoding: try program.contents("run/metrics.jsonl"), as: UTF8.self)
    try program.write(Array(("{\n" + log).utf8), to: "run/metrics.jsonl")
    let names = ["config.json", "environment.json", "metrics.jsonl", "metrics.csv", "checkpoints/index.json"]
    let before = try names.map { try program.contents("run/" + $0) }
    let outcome = try program.run("--resume", "run", "--epochs", "3")
    #expect(outcome.status == 65 && outcome.error.contains("line 1 is damaged"), "\(outcome.error)")
    #expect(try names.map { try program.contents("run/" + $0) } == before)
    try program.write(Array(log.utf8), to: "run/metrics.jsonl")
    #expect(try program.run("--resume", "run", "--epochs", "3").status == 0)
    #expect(try json("run/config.json")["epochs"] as? Int == 3)
    #expect(try (json("run/environment.json")["resumed"] as? [Any])?.count == 1)
  }

  @Test func stepsThatTheLogLacksAreCounted() throws {
    #expect(try begin("--run-dir", "run").status == 0)
    let whole = try program.run("--resume", "run")
    #expect(whole.status == 0 && !whole.error.contains("lacks"), "\(whole.error)")
    try FileManager.default.removeItem(atPath: program.path("run/metrics.jsonl"))
    let outcome = try program.run("--resume", "run", "--epochs", "3")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(outcome.error.contains("run/metrics.jsonl lacks 6 of the 6 steps"), "\(outcome.error)")
    #expect(try steps("run") == [7, 8, 9])
    let again = try program.run("--resume", "run", "--epochs", "4")
    #expect(again.error.contains("run/metrics.jsonl lacks 6 of the 9 steps"), "\(again.error)")
  }

  /// Nobody typed the run's own settings: where they are broken, it is the data that are bad.
  @Test func brokenSettingsOfARun() throws {
    #expect(try begin("--run-dir", "run").status == 0)
    for text in ["{", #"{"epochs": 0}"#, #"{"epoch": 1}"#] {
      try program.write(Array(text.utf8), to: "run/config.json")
      let outcome = try program.run("--resume", "run")
      #expect(outcome.status == 65 && outcome.error.contains("run/config.json: "), "\(outcome.error)")
    }
  }

  #if os(Linux)
    @Test func aFolderThatCannotBeMade() throws {
      let outcome = try begin("--run-dir", "/proc/x")
      #expect(
        outcome.status == 1 && outcome.error.contains("the folder cannot be made: "), "\(outcome.error)")
      #expect(outcome.error.contains("No such file"), "\(outcome.error)")
    }
  #endif

  @Test func aDamagedCheckpointIsPassedOver() throws {
    #expect(try begin("--run-dir", "run", "--checkpoint-every", "1", "--save", "a.safetensors").status == 0)
    let newest = "run/checkpoints/step-00000006.safetensors"
    var bytes = [UInt8](try program.contents(newest))
    bytes[bytes.count / 2] ^= 0x10
    try program.write(bytes, to: newest)
    let named = try program.run("--resume", newest)
    #expect(named.status == 65 && named.error.contains("is damaged"), "\(named.error)")
    #expect(named.error.contains("the newest one that is whole is run/checkpoints/step-00000005"))
    let first = try program.contents("a.safetensors")
    let outcome = try program.run("--resume", "run")
    #expect(outcome.status == 0 && outcome.error.contains("passed over: run/checkpoints/step-00000006"))
    #expect(try program.contents("a.safetensors") == first)
    #expect(try steps("run") == Array(1...6))
  }

  /// The first signal: finish the step, checkpoint, say how to go on.
  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func anInterruptedRunGoesOn(number: Int32, status: Int32) throws {
    let running = try program.start([
      "mlp", "--hidden-sizes", "4", "--data", "digits", "--epochs", "100000", "--threads", "1", "--run-dir",
      "run",
    ])
    try running.waitForError("1/100000  loss")
    kill(running.process.processIdentifier, number)
    let outcome = try running.finish()
    #expect(outcome.status == status && outcome.error.contains("convtrain --resume run"), "\(outcome.error)")
    let written = try #require(steps("run").last)
    let name = CheckpointFolder.name(step: written)
    #expect(FileManager.default.fileExists(atPath: program.path("run/checkpoints/\(name)")))
    let locked = try program.start(["--resume", "run"])
    try locked.waitForError("resumed from run/checkpoints/\(name)")
    let second = try program.run("--resume", "run")
    #expect(second.status == 1 && second.error.contains("is writing to it"), "\(second.error)")
    kill(locked.process.processIdentifier, SIGINT)
    #expect(try locked.finish().status == 130)
    #expect(try steps("run") == Array(1...#require(steps("run").last)))
  }

  /// Before the first step there is nothing to finish: here the images are still being drawn.
  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func aSignalBeforeTheFirstStepEndsTheProgram(number: Int32, status: Int32) throws {
    let running = try program.start(["mlp", "--gpu"])
    try running.waitForError("--gpu")
    kill(running.process.processIdentifier, number)
    let outcome = try running.finish()
    #expect(outcome.status == status && !outcome.error.contains("interrupted after"), "\(outcome.error)")
    #expect(!FileManager.default.fileExists(atPath: program.path("runs")))
  }

  /// To resume it would make the same steps again: what is offered is a new run from its weights.
  @Test func divergenceNamesTheLastGoodCheckpoint() throws {
    let outcome = try begin(
      "--run-dir", "run", "--checkpoint-every", "1", "--keep", "9", "--optimizer-plugin", "sgd",
      "--schedule", "multistep", "--milestones", "2", "--schedule-every", "step", "--gamma", "1e30")
    #expect(outcome.status == 1, "\(outcome.error)")
    #expect(outcome.error.contains("diverged in epoch") && outcome.error.contains("finite"))
    #expect(outcome.error.contains("the last good checkpoint is run/checkpoints/step-"), "\(outcome.error)")
    #expect(!outcome.error.contains("--resume"), "\(outcome.error)")
    let offer = "convtrain --config run/config.json --load run/checkpoints/step-"
    #expect(outcome.error.contains(offer), "\(outcome.error)")
    let next = try program.run(
      "--config", "run/config.json", "--load", "run/checkpoints/step-00000002.safetensors", "--lr", "1e-3",
      "--gamma", "1")
    #expect(next.status == 0, "\(next.error)")
  }

  /// Its network, standardisation and weights, without the state of the optimizer.
  @Test func aCheckpointCanBeLoaded() throws {
    let trained = try begin("--run-dir", "run", "--json", "--quiet")
    let checkpoint = "run/checkpoints/step-00000006.safetensors"
    let tested = try program.run(
      "mlp", "--data", "digits", "--val-split", "0.5", "--seed", "7", "--load", checkpoint, "--skip-train",
      "--json", "--quiet")
    #expect(tested.status == 0, "\(tested.error)")
    func loss(_ outcome: Outcome) throws -> Double? {
      let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      return object?["test_loss"] as? Double
    }
    #expect(try loss(tested) != nil && loss(tested) == loss(trained))
    let other = try program.run("lenet", "--data", "digits", "--load", checkpoint, "--skip-train")
    #expect(
      other.status == 65 && other.error.contains("its architecture is mlp, not lenet"), "\(other.error)")
    var bytes = [UInt8](try program.contents(checkpoint))
    bytes[bytes.count - 9] ^= 1
    try program.write(bytes, to: checkpoint)
    let damaged = try program.run("mlp", "--data", "digits", "--load", checkpoint, "--skip-train")
    #expect(damaged.status == 65 && damaged.error.contains("is damaged"), "\(damaged.error)")
  }

  /// A file that may not grow as a checkpoint needs is a disk that is full.
  @Test func aFullDiskEndsTheRunAndKeepsTheOldCheckpoint() throws {
    #expect(try begin("--run-dir", "run", "--save", "a.safetensors").status == 0)
    let convtrain = BuildProducts.directory.appendingPathComponent("convtrain").path
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    // Blocks of 512 bytes: the log fits, a checkpoint does not.
    shell.arguments = ["-c", "ulimit -f 40; exec \(convtrain) --resume run --epochs 4 2> limited"]
    shell.currentDirectoryURL = program.folder.url
    shell.standardOutput = FileHandle.nullDevice
    try shell.run()
    shell.waitUntilExit()
    let error = String(decoding: try program.contents("limited"), as: UTF8.self)
    #expect(shell.terminationStatus == 1, "\(error)")
    #expect(error.contains("step-00000009.safetensors: cannot be written (File too large)"), "\(error)")
    #expect(error.contains("the last good checkpoint is run/checkpoints/step-00000006"), "\(error)")
    let left = try FileManager.default.contentsOfDirectory(atPath: program.path("run/checkpoints"))
    #expect(left.contains("step-00000006.safetensors") && !left.contains { $0.hasSuffix(".part") }, "\(left)")
    #expect(try program.run("--resume", "run").status == 0)
    #expect(try steps("run") == Array(1...12))
  }

  #if os(Linux)
    /// A plan is there to tell of too much memory, so it must not need it.
    @Test func aDryRunNeedsNotTheMemoryThatItForetells() throws {
      let convtrain = BuildProducts.directory.appendingPathComponent("convtrain").path
      let shell = Process()
      shell.executableURL = URL(fileURLWithPath: "/bin/sh")
      shell.arguments = [
        "-c", "ulimit -v 4000000; exec \(convtrain) resnet18 --dry-run --batch-size 16384 --threads 1 > plan",
      ]
      shell.currentDirectoryURL = program.folder.url
      try shell.run()
      shell.waitUntilExit()
      #expect(shell.terminationStatus == 0)
      let plan = String(decoding: try program.contents("plan"), as: UTF8.self)
      let line = plan.split(separator: "\n").first { $0.contains("activations") }
      let mebibytes = line.flatMap { Double($0.split(separator: " ").dropFirst().first ?? "") }
      #expect(mebibytes ?? 0 > 4000, "\(plan)")
    }
  #endif

  @Test func aDryRunWritesNothing() throws {
    let outcome = try begin("--dry-run")
    #expect(outcome.status == 0 && outcome.output.contains("optimizer state"), "\(outcome.error)")
    #expect(outcome.output.contains("6, 3 in each epoch"), "\(outcome.output)")
    #expect(!FileManager.default.fileExists(atPath: program.path("runs")))
  }
}
