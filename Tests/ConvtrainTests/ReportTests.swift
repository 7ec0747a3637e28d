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
}
