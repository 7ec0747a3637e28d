// Ties a run to its folder: a new one, one that goes on, or none.

import Foundation
import OptimizerHost
import Terminal
import Training

/// The run that goes on, with its folder locked.
struct Resumption {
  let directory: RunDirectory
  /// nil: the run ended before its first checkpoint and begins again.
  let checkpoint: Checkpoint?
  /// Of the checkpoint.
  let path: String

  /// Opens the folder and finds the checkpoint.
  /// - Throws: `TrainingError`; ``DamagedChoice`` for a damaged file where another one could be taken.
  init(_ run: Invocation.ResumedRun) throws {
    directory = try RunDirectory(opening: run.directory)
    let folder = CheckpointFolder(path: RunDirectory.checkpoints(in: run.directory), kept: 1)
    (checkpoint, path) =
      try run.file.map { try Self.read($0, in: folder) } ?? Self.newest(in: folder) ?? (nil, run.directory)
  }

  private static func read(
    _ file: String, in folder: CheckpointFolder
  ) throws -> (checkpoint: Checkpoint?, path: String) {
    do throws(TrainingError) {
      return (try Checkpoint(reading: file), file)
    } catch {
      guard let other = try? folder.newest() else { throw error }
      throw DamagedChoice(error: error, other: other.path)
    }
  }

  /// nil if there is none at all.
  private static func newest(
    in folder: CheckpointFolder
  ) throws -> (checkpoint: Checkpoint?, path: String)? {
    guard try !folder.steps().isEmpty else { return nil }
    let newest = try folder.newest()
    for finding in newest.passedOver { Console.error("warning: passed over: \(finding)") }
    return (newest.checkpoint, newest.path)
  }

  /// Brings a trainer to where the run was.
  func apply(to trainer: Trainer, isQuiet: Bool) throws {
    guard let checkpoint else {
      Console.error("warning: \(directory.path) holds no checkpoint yet; the run begins at its first step")
      return
    }
    for warning in try trainer.restore(checkpoint, from: path) { Console.error("warning: \(warning)") }
    if let tensor = checkpoint.facts.nonFinite {
      Console.error("warning: \(path): tensor \(tensor) holds values that are not finite")
    }
    let position = trainer.state.position
    if !isQuiet {
      let place =
        position.epoch >= trainer.options.epochs
        ? position.epoch == 1 ? "its one epoch is trained" : "all \(position.epoch) epochs are trained"
        : "epoch \(position.epoch + 1), after step \(Format.count(position.step))"
      Console.error("resumed from \(path): \(place)")
    }
  }
}

/// A checkpoint that was asked for is damaged, and there is another.
struct DamagedChoice: Error {
  let error: TrainingError
  let other: String
}

extension Run {
  /// Makes the run's folder, or takes up the one of a run that goes on; nil where none is wanted.
  func recorder(for trainer: Trainer, _ resumption: Resumption?) throws -> RunRecorder? {
    let options = command.checkpoints
    let invocation = try Invocation.current.get()
    let environment = RunEnvironment(trainer)
    let directory: RunDirectory
    let afterOpening: () throws -> Void
    if let resumption {
      directory = resumption.directory
      let earlier = RunEnvironment(in: directory.path)
      for difference in earlier.map(environment.differences) ?? [] {
        Console.error("warning: \(difference); the last bits of results may differ")
      }
      if let before = invocation.resumed?.epochsBefore {
        Console.error(
          "warning: --epochs was \(before) and is \(trainer.options.epochs): from here on the learning rate follows "
            + "the schedule of \(Format.count(trainer.options.epochs, "epoch"))")
      }
      // Written when nothing can fail any more but writing: a resume that fails has changed nothing.
      afterOpening = {
        if invocation.resumed?.isChanged == true {
          try directory.write(
            invocation.settings.json(.convtrain), to: RunDirectory.configuration(in: directory.path))
        }
        try environment.resuming(earlier, at: trainer.state.position.step).write(to: directory)
      }
    } else {
      guard trainer.options.epochs > 0, !options.noRunDir else { return nil }
      directory =
        try options.runDir.map { try RunDirectory(creating: $0) }
        ?? RunDirectory(creatingIn: "runs", name: Self.name(of: trainer))
      // The settings come last: with them it is a run that can go on.
      try environment.write(to: directory)
      afterOpening = {
        try directory.write(
          invocation.settings.json(.convtrain), to: RunDirectory.configuration(in: directory.path))
      }
    }
    let recorder = try RunRecorder(
      directory, interval: options.checkpointEvery, minutes: options.checkpointMinutes, kept: options.keep,
      resumed: resumption?.checkpoint)
    try afterOpening()
    if resumption == nil {
      if command.display.level != .quiet { Console.error("run directory: \(directory.path)") }
    }
    if recorder.missingSteps > 0 {
      Console.error(
        "warning: \(MetricsLog.path(in: directory.path)) lacks \(Format.count(recorder.missingSteps)) of the "
          + "\(Format.count(trainer.state.position.step)) steps that the run has made; they do not come back: put the "
          + "log back before resuming, or plots and reports will lack them")
    }
    if !recorder.movedAside.isEmpty {
      Console.error(
        "warning: moved to \(directory.path)/checkpoints/superseded: "
          + recorder.movedAside.joined(separator: ", "))
    }
    if command.display.level == .verbose {
      recorder.onCheckpoint = { Console.error("checkpoint: \(directory.path)/\($0.file)") }
    }
    return recorder
  }

  /// `2026-05-31-lenet-lookahead-adam`.
  private static func name(of trainer: Trainer) -> String {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.dateFormat = "yyyy-MM-dd"
    let optimizers = trainer.optimizer.identities.map(\.name).joined(separator: "-")
    return "\(format.string(from: Date()))-\(trainer.options.architecture.rawValue)-\(optimizers.prefix(80))"
  }

  /// What a failed or interrupted run leaves to go on from, as the end of a sentence.
  static func wayOn(_ recorder: RunRecorder?, after error: TrainingError? = nil) -> String {
    guard let recorder else { return "" }
    guard let (path, step) = recorder.lastGood else { return "; there is no checkpoint yet" }
    if case .diverged? = error {
      // The same run would take the same steps again.
      let settings = RunDirectory.configuration(in: recorder.directory.path)
      return
        "; the last good checkpoint is \(path) (step \(step)), and a new run can start from its weights: "
        + "convtrain --config \(settings) --load \(path) --lr …"
    }
    return
      "; the last good checkpoint is \(path) (step \(step)): convtrain --resume \(recorder.directory.path)"
  }
}
