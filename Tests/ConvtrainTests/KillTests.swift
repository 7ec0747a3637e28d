// A trainer that is killed at any moment loses nothing that it had promised, and goes on as if nothing had been.

import Datasets
import Foundation
import TestSupport
import Testing
import Training

/// `OPTPLUG_KILLS=5000` kills longer, `OPTPLUG_KILL_SEED=…` at the moments of an earlier run of the test.
@Suite struct KillTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let kills = environment["OPTPLUG_KILLS"].flatMap(Int.init) ?? 200
  private static let seed =
    environment["OPTPLUG_KILL_SEED"].flatMap(UInt64.init) ?? UInt64.random(in: 0...UInt64.max)
  private static let lanes = 2

  private let data: Program

  init() throws {
    data = try Program("convtrain")
    try data.writeIDX(BuiltinDigits.make(trainCount: 120, testCount: 20), to: "digits")
  }

  private func convtrain() -> KillHarness.Subject {
    let digits = data.path("digits")
    return KillHarness.Subject(
      program: "convtrain",
      begin: { run in
        [
          "mlp", "--hidden-sizes", "8", "--data", digits, "--epochs", "4", "--batch-size", "10", "--threads",
          "1", "--optimizer-plugin", "adam", "--lookahead", "--checkpoint-every", "2", "--keep", "2",
          "--quiet", "--run-dir", run,
        ]
      },
      resume: { ["--resume", $0, "--quiet"] },
      canResume: { FileManager.default.fileExists(atPath: RunDirectory.configuration(in: $0)) })
  }

  @Test(.timeLimit(.minutes(60)), arguments: 0..<Self.lanes)
  func convtrainSurvivesSIGKILL(lane: Int) throws {
    let harness = try KillHarness(convtrain())
    let reference = data.path("reference")
    let duration = try harness.complete(reference)
    let score = try harness.run(
      kills: Self.kills / Self.lanes, moments: Moments(seed: Self.seed, lane: lane), duration: duration,
      reference: reference)
    print(
      "convtrain, lane \(lane): \(score.kills) kills, \(score.interruptedWrites) of them within the writing of a file, "
        + "\(score.completeRuns) runs complete; OPTPLUG_KILL_SEED=\(Self.seed)")
    #expect(
      score.findings.isEmpty && score.kills == Self.kills / Self.lanes,
      "OPTPLUG_KILL_SEED=\(Self.seed), lane \(lane), kill \(score.kills): \(score.findings)")
    #expect(score.completeRuns > 0, "seed \(Self.seed)")
  }

  @Test(.timeLimit(.minutes(60))) func aNaiveWriterIsCaught() throws {
    let digits = data.path("digits")
    let harness = try KillHarness(
      KillHarness.Subject(
        program: "naive-trainer", begin: { [$0, digits, BuildProducts.directory.path] },
        resume: { [$0, digits, BuildProducts.directory.path] },
        canResume: { FileManager.default.fileExists(atPath: $0) }))
    let reference = data.path("naive")
    let duration = try harness.complete(reference)
    let score = try harness.run(
      kills: 200, moments: Moments(seed: Self.seed, lane: Self.lanes), duration: duration,
      reference: reference)
    print("naive writer: caught at kill \(score.kills); OPTPLUG_KILL_SEED=\(Self.seed)")
    #expect(
      score.findings.contains { $0.hasPrefix("torn") },
      "OPTPLUG_KILL_SEED=\(Self.seed): \(score.kills) kills, and it was not seen: \(score.findings)")
  }
}
