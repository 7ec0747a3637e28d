// convtrain report: a run's page, made again from the run's files.

import ArgumentParser
import Reporting
import Terminal
import Training

struct Report: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes report.html of a run from the files in its directory.",
    discussion: """
      Works for a run that is still going, or that was interrupted, too.

        convtrain report runs/2026-01-31-lenet-adam
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run"), completion: .directory)
  var directory: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Where the page goes. (default: report.html in the run directory)", valueName: "file.html"),
    completion: .file(extensions: ["html"]))
  var output: String?

  @Flag(help: "Draws the curves of loss and accuracy in the terminal too.")
  var plot = false

  func run() throws {
    try reporting {
      let run = try RunRecord(reading: directory)
      for note in run.notes { Console.error("note: \(note)") }
      if plot {
        try Console.output(
          plots(of: run.history, width: Console.outputWidth, usesColours: Console.outputTakesColour))
      }
      let path = output ?? "\(directory)/\(ReportPage.fileName)"
      try AtomicFile.write([Array(ReportPage.html(run).utf8)], to: path)
      Console.error("wrote \(path)")
    }
  }
}

/// Does `work` and ends as convtrain does where it fails.
func reporting(_ work: () throws -> Void) throws {
  Console.prepare()
  do { try work() } catch {
    let failure = Failure(error)
    Console.error("Error: \(failure.message)")
    throw failure.status.exitCode
  }
}
