// Shows a run on stderr: what is in force, how it goes, and a line for each epoch.

import Terminal
import Training

final class ProgressSink: EventSink {
  private let level: Verbosity
  /// Step lines of a verbose run stay.
  private let rewrites: Bool
  private let colours = Console.errorTakesColour
  private let clock = ContinuousClock()
  private var lastShown: ContinuousClock.Instant
  private var lineIsOpen = false

  /// Between progress lines: often enough to feel alive on a terminal, seldom enough for a log.
  private var interval: Duration { rewrites ? .milliseconds(100) : .seconds(10) }

  init(_ level: Verbosity) {
    self.level = level
    rewrites = Console.errorIsTerminal && level != .verbose
    lastShown = clock.now
  }

  func receive(_ event: TrainingEvent) {
    guard level != .quiet else { return }
    switch event {
    case .started(let description): Console.error(startTable(description))
    case .step(let report): show(report)
    case .epoch(let report): show(report)
    }
  }

  /// Ends a line that is still being rewritten.
  func finish() {
    if lineIsOpen { Console.raw("\n") }
    lineIsOpen = false
  }

  private func show(_ report: StepReport) {
    guard level == .verbose || clock.now - lastShown >= interval else { return }
    lastShown = clock.now
    let step =
      "step \(Format.right("\(report.step)", "\(report.stepsInEpoch)".count))/\(report.stepsInEpoch)"
    var line =
      "\(Self.epoch(report.epoch, report.epochs))  \(step)"
      + "  loss \(Format.decimal(report.loss, 4))  accuracy \(Format.percent(report.accuracy))"
      + "  \(Format.count(Int(report.imagesPerSecond))) images/s  \(Format.duration(report.secondsLeft)) left"
    if level == .verbose {
      line += "  batch loss \(Format.decimal(report.batchLoss, 4))"
      if let learningRate = report.learningRate { line += "  lr \(Format.significant(learningRate))" }
    }
    if rewrites {
      // A line that wraps could not be rewritten.
      Console.raw("\r\u{1B}[K" + line.prefix(Console.errorWidth - 1))
      lineIsOpen = true
    } else {
      Console.error(line)
    }
  }

  private func show(_ report: EpochReport) {
    let name = Self.epoch(report.epoch, report.epochs)
    var line =
      "\(colours ? "\u{1B}[1m\(name)\u{1B}[0m" : name)  loss \(Format.decimal(report.trainLoss, 4))"
      + "  accuracy \(Format.percent(report.trainAccuracy))"
    if let validation = report.validation {
      line += "  validation \(Format.decimal(validation.loss, 4)) \(Format.percent(validation.accuracy))"
    }
    if let learningRate = report.learningRate { line += "  lr \(Format.significant(learningRate))" }
    line +=
      "  \(Format.count(Int(report.imagesPerSecond))) images/s  \(Format.duration(report.seconds))"
    Console.error((lineIsOpen ? "\r\u{1B}[K" : "") + line)
    lineIsOpen = false
    lastShown = clock.now
  }

  private static func epoch(_ number: Int, _ total: Int) -> String {
    "epoch \(Format.right("\(number)", "\(total)".count))/\(total)"
  }
}
