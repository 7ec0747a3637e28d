// What a run with a directory leaves to look at, and what convtrain report and compare make of it.

import Datasets
import Foundation
import TestSupport
import Testing
import Training

@Suite struct ReportTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
    try program.writeIDX(BuiltinDigits.make(trainCount: 80, testCount: 20), to: "digits")
  }

  private func train(_ arguments: String...) throws -> Outcome {
    try program.start(
      [
        "mlp", "--hidden-sizes", "8", "--data", "digits", "--epochs", "2", "--batch-size", "20", "--threads",
        "1",
      ] + arguments
    ).finish()
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try program.contents(name), as: UTF8.self)
  }

  private func epochs(_ run: String) throws -> [EventRecord.Epoch] {
    try MetricsLog.records(program.path("\(run)/metrics.jsonl")).compactMap {
      if case .epoch(let epoch) = $0 { epoch } else { nil }
    }
  }

  /// Fast weights are looked at and left as they are: also across a resume, in the middle of an epoch.
  @Test func bothWeightsOfLookaheadAreValidated() throws {
    let outcome = try train(
      "--lookahead", "--run-dir", "run", "--checkpoint-every", "1", "--keep", "9", "--save", "a.safetensors")
    #expect(outcome.status == 0, "\(outcome.error)")
    _ = try train("--lookahead", "--no-run-dir", "--save", "b.safetensors")
    #expect(try program.contents("a.safetensors") == program.contents("b.safetensors"))
    let whole = try epochs("run")
    #expect(whole.count == 2)
    for epoch in whole {
      let (slow, fast) = (try #require(epoch.validationLoss), try #require(epoch.fastValidationLoss))
      #expect(slow != fast && epoch.fastValidationAccuracy != nil)
    }
    let page = try text("run/report.html")
    for name in ["validation, slow weights", "validation, fast weights", "fast weights’ loss"] {
      #expect(page.contains(name), "\(name)")
    }

    try FileManager.default.removeItem(atPath: program.path("a.safetensors"))
    let resumed = try program.run("--resume", "run/checkpoints/step-00000005.safetensors")
    #expect(resumed.status == 0, "\(resumed.error)")
    #expect(try program.contents("a.safetensors") == program.contents("b.safetensors"))
    let again = try epochs("run")
    #expect(again.map(\.fastValidationLoss) == whole.map(\.fastValidationLoss))
    #expect(again.map(\.validationLoss) == whole.map(\.validationLoss))

    // Another average has no slow weights; an optimizer without one has nothing to compare.
    _ = try train("--optimizer-plugin", "ema(sgd)", "--run-dir", "ema")
    #expect(try text("ema/report.html").contains("validation, averaged weights"))
    _ = try train("--run-dir", "plain")
    #expect(try epochs("plain").allSatisfy { $0.fastValidationLoss == nil })
    #expect(try !text("plain/report.html").contains("trained weights"))
  }

  @Test func damageIsNamed() throws {
    #expect(try train("--run-dir", "run").status == 0)
    func expect(_ status: Int32, _ arguments: [String], _ texts: String...) throws {
      for subcommand in ["report", "compare"] {
        let outcome = try program.start([subcommand] + arguments).finish()
        #expect(outcome.status == status && outcome.output == "", "\(outcome.error)")
        for text in texts { #expect(outcome.error.contains(text), "\(outcome.error)") }
      }
    }
    try expect(66, ["nowhere"], "nowhere", "no such folder")
    try expect(65, ["digits"], "digits", "metrics.jsonl is not there", "name one that convtrain made")
    try expect(65, ["run/config.json"], "run/config.json", "it is a file")
    let config = try program.contents("run/config.json")
    try program.write(Array(config.dropLast(3)), to: "run/config.json")
    try expect(65, ["run"], "run/config.json", "restore the file, or remove it")
    try program.write(Array(config), to: "run/config.json")
    try program.write(Array("{}\n".utf8 + program.contents("run/metrics.jsonl")), to: "run/metrics.jsonl")
    try expect(65, ["run"], "run/metrics.jsonl, line 1", "remove the line")
    try FileManager.default.removeItem(atPath: program.path("run/metrics.jsonl"))
    #expect(mkfifo(program.path("run/metrics.jsonl"), 0o600) == 0)
    try expect(66, ["run"], "run/metrics.jsonl", "not a regular file")
    #expect(try program.run("compare").status == 64)
  }

  /// Two folders of one name show as much of their paths as tells them apart, wherever a name stands.
  @Test func compareTellsRunsOfOneNameApart() throws {
    for parent in ["x", "y"] { #expect(try train("--run-dir", "\(parent)/run").status == 0) }
    #expect(try train("--run-dir", "x/other", "--lr", "0.01").status == 0)
    let outcome = try program.run("compare", "x/run", "y/run/", "x/other", "--output", "page.html")
    #expect(outcome.status == 0, "\(outcome.error)")
    let lines = outcome.output.split(separator: "\n").map { $0.split(separator: /\s{2,}/).map(String.init) }
    #expect(lines[1...3].map { $0[0] } == ["x/run", "y/run", "other"])
    #expect(lines.contains(["setting", "x/run", "y/run", "other"]))
    #expect(try text("page.html").contains("x/run · y/run · other"))
  }

  /// Results in columns with one heading each, then what was different; nothing of a file reaches a terminal as it is.
  @Test func compareShowsResultsAndDifferences() throws {
    #expect(try train("--run-dir", "a", "--lr", "0.01").status == 0)
    #expect(try train("--run-dir", "b", "--lookahead", "--limit-batches", "1").status == 0)
    let outcome = try program.run("compare", "a", "b", "--output", "page.html")
    #expect(outcome.status == 0 && outcome.error.contains("wrote page.html"), "\(outcome.error)")
    // One heading; long values of the settings may be broken anywhere.
    let page = try text("page.html")
    #expect(page.components(separatedBy: ">Results<").count == 2)
    #expect(page.contains("<table class=\"settings\">") && page.contains("table.settings td{min-width"))
    let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    func cells(_ line: String) -> [String] { line.split(separator: /\s{2,}/).map(String.init) }
    #expect(
      cells(lines[0]) == [
        "run", "network", "optimizer", "epochs", "last validation", "best validation", "test", "time",
        "images/s",
      ])
    let test = try program.run("report", "a")
    #expect(test.status == 0)
    let accuracy = try #require(
      try MetricsLog.records(program.path("a/metrics.jsonl")).compactMap { record in
        if case .test(let test) = record { test.accuracy } else { nil }
      }.first)
    let first = cells(lines[1])
    #expect(Array(first[0...3]) == ["a", "mlp", "adam", "2"] && first.count == 9, "\(first)")
    #expect(first[6] == String(format: "%.2f %%", accuracy * 100))
    #expect(Array(cells(lines[2])[0...3]) == ["b", "mlp", "lookahead(adam)", "2"])
    #expect(lines[3] == "" && lines[4] == "differences" && cells(lines[5]) == ["setting", "a", "b"])
    let differences = lines.dropFirst(6).map(cells)
    #expect(differences.contains(["lr", "0.01", "–"]) && differences.contains(["lookahead", "–", "yes"]))
    #expect(!differences.contains { ["epochs", "started", "seed"].contains($0.first) })
    #expect(page.contains("<svg") && page.contains("lookahead(adam)") && !page.contains("http://"))

    let config = try text("a/config.json").replacing("\"mlp\"", with: #""m\u001b[31m\nlp""#)
    try program.write(Array(config.utf8), to: "a/config.json")
    let hostile = try program.run("compare", "a", "b")
    #expect(hostile.status == 0 && hostile.output.contains("m\u{FFFD}[31m\u{FFFD}lp"), "\(hostile.output)")
    #expect(!hostile.output.contains("\u{1B}"))
  }

  @Test func anInterruptedRunLeavesAPage() throws {
    let running = try program.start([
      "mlp", "--hidden-sizes", "8", "--data", "digits", "--epochs", "1000000", "--threads", "1", "--run-dir",
      "run",
    ])
    try running.waitForError("2/1000000  loss")
    kill(running.process.processIdentifier, SIGTERM)
    #expect(try running.finish().status == 143)
    let page = try text("run/report.html")
    #expect(page.contains("<figcaption>Loss</figcaption>") && page.contains("<caption>config.json</caption>"))
    #expect(!page.contains("Misclassified images"))
    // One that diverges leaves it too, if it came to a step.
    _ = try train("--run-dir", "wild", "--optimizer-plugin", "sgd", "--lr", "1e18")
    #expect(FileManager.default.fileExists(atPath: program.path("wild/report.html")))
  }
}
