// Writes a run down while it goes: its log, and checkpoints to go on from.

import Foundation

/// Listens to a run's events and takes its checkpoints. Events cannot fail, so what went wrong with one is thrown at the
/// next pause.
public final class RunRecorder: EventSink {
  public let directory: RunDirectory
  private let folder: CheckpointFolder
  private let log: MetricsLog
  private let interval: CheckpointInterval
  private let time: Duration?
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant
  private var failure: TrainingError?
  /// The newest checkpoint whose values are all finite.
  public private(set) var lastGood: (path: String, step: Int)?
  /// Of the run at its last checkpoint.
  private var saved: RunState?
  /// Hears of each checkpoint, when it is on the disk.
  public var onCheckpoint: (EventRecord.Checkpoint) -> Void = { _ in }

  /// Begins a run's log, or goes on with it.
  /// - Parameters:
  ///   - directory: of the run, locked.
  ///   - interval: when checkpoints are taken. Besides, each epoch that is the best so far and the end of the last have
  ///     one.
  ///   - minutes: the longest time without one; nil: no limit.
  ///   - kept: checkpoints to keep, beside the best and the newest whose values are all finite; 1 or more.
  ///   - resumed: what the run goes on from.
  public init(
    _ directory: RunDirectory, interval: CheckpointInterval = .everyEpoch, minutes: Double? = nil,
    kept: Int = 3, resumed: Checkpoint? = nil
  ) throws(TrainingError) {
    self.directory = directory
    self.interval = interval
    time = minutes.map { .seconds($0 * 60) }
    last = clock.now
    folder = CheckpointFolder(path: RunDirectory.checkpoints(in: directory.path), kept: kept)
    log = try MetricsLog(
      directory: directory.path, cutBackTo: resumed?.facts.state.position ?? Position())
    if let resumed {
      movedAside = try folder.continueRun(at: resumed)
      saved = resumed.facts.state
      lastGood = folder.newestFinite.map { (folder.file(step: $0), $0) }
    }
  }

  /// How many of the steps that the run had made its log lacks; see ``MetricsLog``.
  public var missingSteps: Int { log.missingSteps }

  /// Checkpoints of later steps than that from which the run goes on; see ``CheckpointFolder``.
  public private(set) var movedAside: [String] = []

  public func receive(_ event: TrainingEvent) {
    switch event {
    case .step(let report): append(.step(.init(report)))
    case .epoch(let report): append(.epoch(.init(report)))
    case .started: break
    }
  }

  private func append(_ record: EventRecord) {
    guard failure == nil else { return }
    do throws(TrainingError) { try log.append(record) } catch { failure = error }
  }

  /// For ``Trainer/train(isCancelled:atPause:)``: takes a checkpoint if one is due.
  /// - Throws: ``TrainingError/unwritable(path:reason:)``; errors of `OptimizerHost`.
  public func pause(_ pause: Pause, of trainer: Trainer) throws {
    if let failure { throw failure }
    // The end of an epoch follows at once, and its checkpoint would replace this one.
    guard pause == .epoch || !trainer.isAtEpochsEnd else { return }
    let position = trainer.state.position
    let isBest = pause == .epoch && trainer.state.best?.epoch == position.epoch
    let isLast = pause == .epoch && position.epoch == trainer.options.epochs
    let isLate = time.map { clock.now - last >= $0 } ?? false
    if interval.isDue(at: pause, position) || isBest || isLast || isLate { try save(trainer) }
  }

  /// Takes a checkpoint now, unless the last one is of this very state.
  /// - Throws: as ``pause(_:of:)``; ``TrainingError/diverged(epoch:step:finding:)`` after writing one with values that
  ///   are not finite.
  public func save(_ trainer: Trainer) throws {
    if let failure { throw failure }
    guard saved != trainer.state else { return }
    // What the log says must be there when the checkpoint is: a resume adds nothing that came before it.
    try log.synchronize()
    let checkpoint = try trainer.checkpoint()
    let name = try folder.write(checkpoint)
    let step = checkpoint.facts.state.position.step
    saved = checkpoint.facts.state
    last = clock.now
    if checkpoint.facts.nonFinite == nil { lastGood = (folder.file(step: step), step) }
    let position = checkpoint.facts.state.position
    let record = EventRecord.Checkpoint(
      epoch: position.epoch + (position.stepInEpoch > 0 ? 1 : 0), step: step, file: "checkpoints/\(name)")
    try log.append(.checkpoint(record))
    onCheckpoint(record)
    // It stays, for those who look for the reason; a resume passes it over.
    if let tensor = checkpoint.facts.nonFinite {
      throw TrainingError.diverged(
        epoch: record.epoch, step: position.stepInEpoch > 0 ? position.stepInEpoch : trainer.stepsInEpoch,
        finding: "\(tensor) holds values that are not finite")
    }
  }

  /// Writes the result down; nothing follows it.
  public func finish(_ test: Evaluation) throws(TrainingError) {
    if let failure { throw failure }
    try log.append(.test(.init(test)))
    try log.synchronize()
  }
}
