// The checkpoints of a run: written so that no moment is without a whole one, and found again.

import Foundation
import OptimizerHost

/// A folder of files `step-00001234.safetensors`.
///
/// A checkpoint appears under its name when all of it is on the disk. `index.json` names the last and the best one for
/// people and programs; it is replaced, not changed, and says nothing that the files do not say.
public final class CheckpointFolder {
  public let path: String
  /// How many of the newest to keep.
  private let kept: Int
  /// The step of the newest checkpoint whose values are all finite, of the run that writes here; it stays whatever its
  /// age.
  private(set) var newestFinite: Int?

  /// - Parameter kept: 1 or more. The best one and the newest one whose values are all finite stay beside them.
  public init(path: String, kept: Int) {
    self.path = path
    self.kept = kept
  }

  /// `step-00001234.safetensors`.
  public static func name(step: Int) -> String {
    let digits = "\(step)"
    return "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".safetensors"
  }

  /// Of a name as above; nil for all others.
  public static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-"), name.hasSuffix(".safetensors"),
      let step = Int(name.dropFirst(5).dropLast(12)), self.name(step: step) == name
    else { return nil }
    return step
  }

  /// Steps of the checkpoints that are there, ascending.
  public func steps() throws(TrainingError) -> [Int] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).compactMap(Self.step).sorted()
    } catch {
      throw .unreadable(path: path, reason: "its files cannot be listed")
    }
  }

  /// The path of a step's checkpoint, whether it exists or not.
  public func file(step: Int) -> String { "\(path)/\(Self.name(step: step))" }

  /// Writes a checkpoint, brings the index up to date, and only then removes old ones.
  /// - Returns: its name.
  public func write(_ checkpoint: Checkpoint) throws(TrainingError) -> String {
    let step = checkpoint.facts.state.position.step
    try checkpoint.write(to: file(step: step))
    let best = checkpoint.facts.state.best
    try writeIndex(last: step, best: best)
    if checkpoint.facts.nonFinite == nil { newestFinite = step }
    try removeOld(keeping: [best?.step, newestFinite].compactMap { $0 })
    return Self.name(step: step)
  }

  /// What a run goes on from: the newest checkpoint that is whole and whose values are all finite.
  /// - Returns: the checkpoint, its path, and what is wrong with each that is newer.
  /// - Throws: ``TrainingError/noCheckpoint(path:findings:)``.
  public func newest() throws(TrainingError) -> (checkpoint: Checkpoint, path: String, passedOver: [String]) {
    var findings: [String] = []
    for step in try steps().reversed() {
      let path = file(step: step)
      do throws(TrainingError) {
        let checkpoint = try Checkpoint(reading: path)
        guard let tensor = checkpoint.facts.nonFinite else { return (checkpoint, path, findings) }
        findings.append("\(path): tensor \(tensor) holds values that are not finite")
      } catch {
        findings.append("\(error)")
      }
    }
    throw .noCheckpoint(path: path, findings: findings)
  }

  /// Takes up a run at a checkpoint: those of later steps go to the folder `superseded`, where nothing looks for them
  /// but people.
  /// - Returns: the names of those that were moved.
  public func continueRun(at checkpoint: Checkpoint) throws(TrainingError) -> [String] {
    let step = checkpoint.facts.state.position.step
    newestFinite =
      checkpoint.facts.nonFinite == nil
      ? step
      : try steps().last { $0 < step && isWholeAndFinite(file(step: $0)) }
    let later = try steps().filter { $0 > step }
    if !later.isEmpty {
      let aside = "\(path)/superseded"
      guard mkdir(aside, 0o777) == 0 || errno == EEXIST else {
        throw .unwritable(path: aside, reason: String(cString: strerror(errno)))
      }
      for step in later {
        let target = "\(aside)/\(Self.name(step: step))"
        guard rename(file(step: step), target) == 0 else {
          throw .unwritable(path: target, reason: String(cString: strerror(errno)))
        }
      }
    }
    try writeIndex(last: step, best: checkpoint.facts.state.best)
    return later.map(Self.name)
  }

  private func isWholeAndFinite(_ path: String) -> Bool {
    guard let checkpoint = try? Checkpoint(reading: path) else { return false }
    return checkpoint.facts.nonFinite == nil
  }

  private func writeIndex(last: Int, best: BestEpoch?) throws(TrainingError) {
    var line = JSONLine()
    line.add("last", Self.name(step: last))
    // After a damaged file the best one may be of a time that is yet to come back.
    if let best, access(file(step: best.step), F_OK) == 0 {
      line.add("best", Self.name(step: best.step))
      line.add("best_epoch", best.epoch)
      line.add("best_accuracy", best.accuracy)
      line.add("best_loss", best.loss)
    }
    try AtomicFile.write([Array((line.text + "\n").utf8)], to: "\(path)/index.json")
  }

  private func removeOld(keeping protected: [Int]) throws(TrainingError) {
    for step in try steps().dropLast(kept) where !protected.contains(step) {
      let path = file(step: step)
      guard unlink(path) == 0 || errno == ENOENT else {
        throw .unwritable(path: path, reason: String(cString: strerror(errno)))
      }
    }
  }
}
