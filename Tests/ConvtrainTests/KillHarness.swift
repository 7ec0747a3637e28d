// Kills a trainer at random moments and looks at what it leaves.

import Datasets
import Foundation
import TestSupport
import Training

/// Random moments that come again with the same seed.
struct Moments {
  private var random: SplitMix64

  init(seed: UInt64, lane: Int) {
    random = SplitMix64(seed: seed, stream: UInt64(lane))
  }

  /// Seconds in 0..<`limit`.
  mutating func next(below limit: Double) -> Double {
    Double(random.next() >> 11) * 0x1p-53 * limit
  }
}

/// A trainer that is killed and started again until its run is complete, again and again.
final class KillHarness {
  /// A program that can begin a run in a folder and go on with it.
  struct Subject {
    let program: String
    let begin: (_ folder: String) -> [String]
    let resume: (_ folder: String) -> [String]
    /// Whether there is something to go on with.
    let canResume: (_ folder: String) -> Bool
  }

  /// What was found after the kills.
  struct Score {
    var kills = 0
    var completeRuns = 0
    /// Kills that came while a checkpoint was half written.
    var interruptedWrites = 0
    var findings: [String] = []
  }

  private let subject: Subject
  private let folder: TemporaryFolder
  private let executable: URL

  init(_ subject: Subject) throws {
    self.subject = subject
    folder = try TemporaryFolder()
    executable = BuildProducts.directory.appendingPathComponent(subject.program)
  }

  /// Kills until there were `kills`, or the first finding; if no run was complete by then, the last one goes on
  /// without being killed, so that there is one to compare.
  /// - Parameter reference: a folder with the same run, never killed.
  func run(kills: Int, moments: Moments, duration: Double, reference: String) throws -> Score {
    var moments = moments
    var score = Score()
    let run = folder.path("run")
    while score.findings.isEmpty && (score.kills < kills || score.completeRuns == 0) {
      let isNew = !subject.canResume(run)
      if isNew { try? FileManager.default.removeItem(atPath: run) }
      let process = try start(isNew ? subject.begin(run) : subject.resume(run))
      let end = Date(timeIntervalSinceNow: moments.next(below: 1.5 * duration))
      if score.kills < kills {
        while process.isRunning && Date() < end { usleep(1000) }
        kill(process.processIdentifier, SIGKILL)
      }
      process.waitUntilExit()
      if process.terminationReason == .uncaughtSignal {
        guard process.terminationStatus == SIGKILL else {
          score.findings.append("ended by signal \(process.terminationStatus)")
          return score
        }
        score.kills += 1
        let left = (try? FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints")) ?? []
        if left.contains(where: { $0.hasSuffix(".part") }) { score.interruptedWrites += 1 }
        score.findings += findings(in: run)
      } else if process.terminationStatus == 0 {
        score.completeRuns += 1
        score.findings += findings(in: run) + differences(of: run, from: reference)
        try FileManager.default.removeItem(atPath: run)
      } else {
        let text = (try? String(contentsOfFile: folder.path("error"), encoding: .utf8)) ?? ""
        score.findings.append("ended with \(process.terminationStatus): \(text.suffix(500))")
      }
    }
    return score
  }

  /// Makes the reference; how long it took in seconds.
  func complete(_ run: String) throws -> Double {
    let start = Date()
    let process = try self.start(subject.begin(run))
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Ended(text: (try? String(contentsOfFile: folder.path("error"), encoding: .utf8)) ?? "")
    }
    return Date().timeIntervalSince(start)
  }

  struct Ended: Error {
    let text: String
  }

  private func start(_ arguments: [String]) throws -> Process {
    _ = FileManager.default.createFile(atPath: folder.path("error"), contents: nil)
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    // One cache of plugins for all lives; and the setting that the program would start itself anew for.
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["XDG_CACHE_HOME": CPlugin.folder.appendingPathComponent("cache").path, "GOMP_SPINCOUNT": "1000"]
    ) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path("error")))
    try process.run()
    return process
  }

  /// Torn files, and acknowledged checkpoints that are gone.
  private func findings(in run: String) -> [String] {
    var findings: [String] = []
    let checkpoints = run + "/checkpoints"
    var newest = 0
    for name in (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? [] {
      guard let step = CheckpointFolder.step(ofName: name) else { continue }
      do {
        _ = try Checkpoint(reading: "\(checkpoints)/\(name)")
        newest = max(newest, step)
      } catch {
        findings.append("torn: \(error)")
      }
    }
    do {
      for record in try MetricsLog.records(MetricsLog.path(in: run)) {
        if case .checkpoint(let checkpoint) = record, checkpoint.step > newest {
          findings.append("step \(checkpoint.step) was acknowledged, but the newest is \(newest)")
        }
      }
    } catch {
      findings.append("log: \(error)")
    }
    return findings
  }

  private func last(of run: String) -> Checkpoint? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints")) ?? []
    let step = names.compactMap(CheckpointFolder.step(ofName:)).max() ?? 0
    return try? Checkpoint(reading: "\(run)/checkpoints/\(CheckpointFolder.name(step: step))")
  }

  /// What a run that was killed and resumed has otherwise than one that was not.
  private func differences(of run: String, from reference: String) -> [String] {
    func steps(_ run: String) -> [[Double]] {
      ((try? MetricsLog.records(MetricsLog.path(in: run))) ?? []).compactMap { record in
        switch record {
        case .step(let step): [Double(step.epoch), Double(step.step), step.loss, step.accuracy]
        case .epoch(let epoch):
          [
            Double(epoch.epoch), Double(epoch.step), epoch.trainLoss, epoch.trainAccuracy,
            epoch.validationLoss ?? 0, epoch.validationAccuracy ?? 0, epoch.isBest ? 1 : 0,
          ]
        case .checkpoint, .test: nil
        }
      }
    }
    var findings: [String] = []
    guard let end = last(of: reference) else { return ["the reference has no checkpoint"] }
    if last(of: run)?.isOfSameMoment(as: end) != true { findings.append("the last checkpoint differs") }
    if steps(run) != steps(reference) { findings.append("the log differs") }
    let left = (try? FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints")) ?? []
    findings += left.filter { $0.hasSuffix(".part") }.map { "\($0) is left over" }
    return findings
  }
}
