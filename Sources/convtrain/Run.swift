// One run from the command line's options to the result: load, train, save, test, print.

import ArgumentParser
import Datasets
import Foundation
import OptimizerHost
import Reporting
import Terminal
import Training

struct Run {
  let command: Convtrain

  init(_ command: Convtrain) {
    self.command = command
  }

  /// - Throws: ``Failure``, or an exit code after an interruption.
  func perform() throws {
    do {
      try run()
    } catch let code as ExitCode {
      throw code
    } catch {
      throw Failure(error)
    }
  }

  private func run() throws {
    guard let path = command.results.trace else { return try train(nil) }
    try AtomicFile.requireWritable(path)
    let trace = try Trace(limit: command.results.traceLimit ?? Trace.standardLimit)
    // Also of a run that fails or is interrupted; and after the trainer is gone, so that the optimizer's end is in it.
    let result = Result { try train(trace) }
    if trace.report.events + trace.report.dropped > 0 { try write(trace, to: path) }
    try result.get()
  }

  private func write(_ trace: Trace, to path: String) throws {
    let overhead = try Trace.measureOverhead()
    let optimizer = try command.optimizer.request().expression
    try AtomicFile.write(
      trace.chrome(about: [("program", "convtrain"), ("optimizer", optimizer)], overhead: overhead), to: path)
    Console.error(traceTable(trace.report, overhead, file: path))
  }

  private func train(_ trace: Trace?) throws {
    let interruption = Interruption()
    showPluginMessages()
    let (results, display) = (command.results, command.display)
    let clock = PhaseClock(isShown: display.level == .verbose)
    if command.training.gpu { Console.error("warning: --gpu: this build has no GPU backend; using the CPU") }
    if results.skipTrain, results.load == nil {
      Console.error("warning: --skip-train without --load: the network has its initial random weights")
    }
    // What can fail is tried before the time is spent.
    let resumption = try Invocation.current.get().resumed.map(Resumption.init)
    if let save = results.save { try AtomicFile.requireWritable(save) }
    let checkpoint = resumption?.checkpoint
    // A run that goes on has all that it took from there in its checkpoint.
    let load = checkpoint?.holdsStandardization == true ? nil : results.load
    if checkpoint != nil, let load {
      Console.error(
        "warning: \(resumption?.path ?? "") is of an earlier convtrain and does not hold the standardisation; "
          + "it is taken from \(load) again, which must not have changed")
    }
    let weights = try load.map { (content: try TrainedWeights(reading: $0), path: $0) }
    let dataset = try clock.measure("reading the data") { try loadDataset() }
    let sink = ProgressSink(display.level)
    let history = HistorySink()
    let lines = display.json && !display.quiet ? JSONSink() : nil
    let registry = command.optimizer.registry()
    if display.level == .verbose { showSearchPath(of: registry) }
    let sinks = EventSinks([sink] + (lines.map { [$0] } ?? []) + (display.plot ? [history] : []))
    let trainer = try clock.measure("making the network and the optimizer") {
      try Trainer(
        try command.trainingOptions(), dataset: dataset, weights: weights,
        resumed: resumption.flatMap { resumption in resumption.checkpoint.map { ($0, resumption.path) } },
        registry: registry, trace: trace, plansOnly: command.checkpoints.dryRun, events: sinks)
    }
    try resumption?.apply(to: trainer, isQuiet: display.level == .quiet)
    if command.checkpoints.dryRun {
      try Console.output(planTable(trainer, options: command.checkpoints))
      return
    }
    let recorder = try recorder(for: trainer, resumption)
    if let recorder { sinks.add(recorder) }
    let reports = try RunReports(
      display, directory: recorder?.directory.path, settings: [("optimizer", trainer.optimizerExpression)])
    if let board = reports.board { sinks.add(board) }
    func pause(_ pause: Pause) throws { try recorder?.pause(pause, of: trainer) }
    let summary: TrainingSummary
    interruption.begin()
    do {
      summary = try clock.measure("training") {
        try trainer.train(isCancelled: { interruption.isRequested }, atPause: pause)
      }
      // Whatever ended it: interrupted, out of time, or no gain any more.
      try recorder?.save(trainer)
    } catch let error as TrainingError {
      sink.finish()
      reports.finishEarly()
      throw Failure(error, remark: Self.wayOn(recorder, after: error))
    } catch {
      sink.finish()
      throw error
    }
    sink.finish()
    if summary.wasCancelled {
      reports.finishEarly()
      throw interrupted(interruption, summary, recorder)
    }
    if let note = try trainer.endingNote(summary) { Console.error(note) }
    if let save = results.save {
      try clock.measure("writing \(save)") { try trainer.weights().write(to: save) }
    }
    let (test, mistakes): (Evaluation, [Mistake])
    do {
      (test, mistakes) = try clock.measure("testing") {
        try trainer.test(mistakes: RunReports.pictures) { interruption.isRequested }
      }
    } catch is CancellationError {
      throw interrupted(interruption, summary, recorder)
    }
    try recorder?.finish(test)
    try reports.finish(test, mistakes, dataset: dataset)
    let result = RunResult(trainer: trainer, summary: summary, test: test)
    if display.json {
      lines?.write(.test(EventRecord.Test(test)))
      try lines?.finish()
      try Console.output(result.json(withConfusion: results.confusionMatrix))
    } else {
      try Console.output(result.table(saved: results.save))
      if results.confusionMatrix {
        try Console.output("\n" + confusionTable(test.confusion, names: dataset.classNames))
      }
    }
    if display.plot { try show(history.history, besideJSON: display.json) }
  }

  /// Draws the curves on stdout, or on stderr where stdout holds JSON.
  private func show(_ history: RunHistory, besideJSON: Bool) throws {
    if besideJSON {
      Console.error(plots(of: history, width: Console.errorWidth, usesColours: Console.errorTakesColour))
    } else {
      try Console.output(
        "\n" + plots(of: history, width: Console.outputWidth, usesColours: Console.outputTakesColour))
    }
  }

  private func showSearchPath(of registry: PluginRegistry) {
    Console.error("plugins are looked for by name in:")
    for folder in registry.searchPath {
      let isThere = FileManager.default.fileExists(atPath: folder)
      Console.error("  \(folder)\(isThere ? "" : " (is not there)")")
    }
  }

  /// What plugins have to say goes to stderr, but for what is meant for their authors.
  private func showPluginMessages() {
    // A line that is being rewritten makes way.
    let start = Console.errorIsTerminal ? "\r\u{1B}[K" : ""
    PluginMessages.setReceiver { level, text in
      if level != .debug { Console.error("\(start)plugin: \(level == .info ? "" : "\(level): ")\(text)") }
    }
  }

  private func loadDataset() throws -> Dataset {
    try command.data.load(seed: command.training.seed)
  }

  private func interrupted(
    _ interruption: Interruption, _ summary: TrainingSummary, _ recorder: RunRecorder?
  ) -> ExitCode {
    let loss = summary.trainLoss.map { ", loss \(Format.decimal($0, 4))" } ?? ""
    let saved = command.results.save.map { path in
      summary.wasCancelled ? "; \(path) was not written" : "; \(path) is complete"
    }
    Console.error(
      "interrupted after \(Format.count(summary.steps, "step")) (\(Format.count(summary.epochs, "whole epoch")), "
        + "\(Format.duration(summary.seconds))\(loss))\(saved ?? "")\(Self.wayOn(recorder))")
    return interruption.status.exitCode
  }
}
