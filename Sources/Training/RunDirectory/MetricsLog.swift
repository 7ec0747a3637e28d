// The log of a run: every step and epoch once, as JSON lines and as a table.

import Foundation

/// `metrics.jsonl` and `metrics.csv` of a run directory, open for appending.
public final class MetricsLog {
  private let lines, table: AppendedFile
  /// How many of the steps that the run had made are not in it.
  public let missingSteps: Int

  private static let columns = [
    "event", "epoch", "step", "loss", "accuracy", "validation_loss", "validation_accuracy",
    "fast_validation_loss", "fast_validation_accuracy", "lr", "gradient_norm", "synchronized", "best",
    "images_per_second", "seconds",
  ]

  /// Where a directory has its log.
  public static func path(in directory: String) -> String { "\(directory)/metrics.jsonl" }

  /// Opens the logs of a directory, cut back to what a run had written when it was at `position`: later steps will
  /// come again. A last line without an end, as a crash leaves it, goes.
  /// - Throws: ``TrainingError``; a damaged line further up is named.
  public init(directory: String, cutBackTo position: Position) throws(TrainingError) {
    let path = Self.path(in: directory)
    let records = try Self.records(path).filter { $0.belongs(before: position) }
    let steps = records.compactMap { if case .step(let step) = $0 { step.step } else { nil } }
    missingSteps = max(0, position.step - Set(steps).count)
    func bytes(_ lines: [String]) -> [UInt8] { Array(lines.map { $0 + "\n" }.joined().utf8) }
    try AtomicFile.write([bytes(records.map(\.line))], to: path)
    let rows = [Self.columns.joined(separator: ",")] + records.compactMap(Self.row)
    try AtomicFile.write([bytes(rows)], to: "\(directory)/metrics.csv")
    lines = try AppendedFile(path)
    table = try AppendedFile("\(directory)/metrics.csv")
  }

  /// Adds a record. It is safe from the end of the process at once, from that of the machine after ``synchronize()``.
  public func append(_ record: EventRecord) throws(TrainingError) {
    try lines.append(record.line)
    if let row = Self.row(record) { try table.append(row) }
  }

  /// Brings everything to the disk.
  public func synchronize() throws(TrainingError) {
    try lines.synchronize()
    try table.synchronize()
  }

  /// The records of a log; those of kinds that this program does not know are left out.
  /// - Throws: ``TrainingError``; a line that is no record is an error, but for the last if it has no end.
  public static func records(_ path: String) throws(TrainingError) -> [EventRecord] {
    let bytes: [UInt8]
    do throws(TrainingError) {
      bytes = try AtomicFile.read(path)
    } catch {
      if case .notFound = error { return [] }
      throw error
    }
    let text = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    var records: [EventRecord] = []
    // What stands behind the last line end is empty, or torn.
    for (number, line) in text.dropLast().enumerated() {
      do {
        if let record = try EventRecord.reading(line: String(decoding: line, as: UTF8.self)) {
          records.append(record)
        }
      } catch {
        throw .runDirectory(
          path: path, problem: "line \(number + 1) is damaged; remove the line to go on without it")
      }
    }
    return records
  }

  /// A line of the table; nil for events that have none.
  private static func row(_ record: EventRecord) -> String? {
    func number(_ value: Double?) -> String { value.map { $0.isFinite ? "\($0)" : "nan" } ?? "" }
    let cells: [String]
    switch record {
    case .step(let step):
      cells = [
        "step", "\(step.epoch)", "\(step.step)", number(step.loss), number(step.accuracy), "", "", "", "",
        number(step.learningRate), number(step.gradientNorm), step.isSynchronized ? "1" : "", "",
        number(step.imagesPerSecond), "",
      ]
    case .epoch(let epoch):
      cells = [
        "epoch", "\(epoch.epoch)", "\(epoch.step)", number(epoch.trainLoss), number(epoch.trainAccuracy),
        number(epoch.validationLoss), number(epoch.validationAccuracy), number(epoch.fastValidationLoss),
        number(epoch.fastValidationAccuracy), number(epoch.learningRate), "", "", epoch.isBest ? "1" : "0",
        number(epoch.imagesPerSecond), number(epoch.seconds),
      ]
    case .checkpoint, .test: return nil
    }
    return cells.joined(separator: ",")
  }
}

extension EventRecord {
  /// Whether a run that is at `position` has written it, and will not write it again.
  fileprivate func belongs(before position: Position) -> Bool {
    switch self {
    case .step(let step): step.step <= position.step
    case .epoch(let epoch): epoch.epoch <= position.epoch
    case .checkpoint(let checkpoint): checkpoint.step <= position.step
    case .test: false
    }
  }
}

/// A file that grows by whole lines.
private final class AppendedFile {
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws(TrainingError) {
    self.path = path
    descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
  }

  deinit { close(descriptor) }

  func append(_ line: String) throws(TrainingError) {
    try AtomicFile.write(Array((line + "\n").utf8), to: descriptor, path: path)
  }

  func synchronize() throws(TrainingError) {
    guard fsync(descriptor) == 0 else {
      throw .unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }
}
