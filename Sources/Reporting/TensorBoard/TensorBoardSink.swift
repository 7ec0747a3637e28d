// Writes a run's measurements for TensorBoard while it goes.

import Foundation
import Training

/// One event file of a run in a folder that TensorBoard is pointed at. A run that is resumed adds a file of its own,
/// which takes over from the step that it begins with.
///
/// The tags: `loss/train`, `accuracy/train`, `lr` and `images_per_second` by step; `loss/validation`,
/// `accuracy/validation`, and the same of fast weights, by epoch; `loss/test` and `accuracy/test`.
public final class TensorBoardSink: EventSink {
  /// The event file.
  public let path: String
  private let file: FileHandle
  private var waiting: [UInt8] = []
  private var lastWritten = Date()
  private var hasSteps = false
  private var step = 0
  /// Of the first bytes that could not be written: a training does not end for it.
  private var failure: ReportingError?

  /// Makes the folder and the file.
  /// - Parameter settings: shown as a table in the tab "Text".
  /// - Throws: ``ReportingError/unwritable(path:reason:)``.
  public init(folder: String, settings: [(name: String, value: String)] = []) throws(ReportingError) {
    let now = Date()
    // Readers take files in the order of their names, and look for "tfevents" in them.
    let host = ProcessInfo.processInfo.hostName.filter {
      $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-")
    }
    let name =
      "events.out.tfevents.\(Int(now.timeIntervalSince1970)).\(host).\(ProcessInfo.processInfo.processIdentifier)"
    path = folder + "/" + name
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch { throw .unwritable(path: folder, reason: "the folder cannot be made") }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: String(cString: strerror(errno))) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    waiting = EventEncoding.version(at: now.timeIntervalSince1970)
    if !settings.isEmpty {
      waiting += EventEncoding.text(Self.table(settings), tag: "settings", at: now.timeIntervalSince1970)
    }
    try flush()
    if let failure { throw failure }
  }

  public func receive(_ event: TrainingEvent) {
    switch event {
    case .step(let report): add(.step(EventRecord.Step(report)))
    case .epoch(let report): add(.epoch(EventRecord.Epoch(report)))
    default: break
    }
  }

  /// Takes a record up, and writes at times.
  public func add(_ record: EventRecord) {
    switch record {
    case .step(let report):
      let now = Date().timeIntervalSince1970
      if !hasSteps, report.step > 1 { waiting += EventEncoding.restart(at: now, step: report.step) }
      hasSteps = true
      step = report.step
      add([
        ("loss/train", report.loss), ("accuracy/train", report.accuracy), ("lr", report.learningRate),
        ("images_per_second", report.imagesPerSecond), ("gradient_norm", report.gradientNorm),
      ])
    case .epoch(let report):
      step = report.step
      add([
        ("loss/validation", report.validationLoss), ("accuracy/validation", report.validationAccuracy),
        ("loss/validation_fast", report.fastValidationLoss),
        ("accuracy/validation_fast", report.fastValidationAccuracy),
      ])
    case .test(let report): add([("loss/test", report.loss), ("accuracy/test", report.accuracy)])
    case .checkpoint: break
    }
    // Somebody may be looking.
    if Date().timeIntervalSince(lastWritten) > 2 || waiting.count > 1 << 20 { try? flush() }
  }

  /// Writes what waits.
  /// - Throws: ``ReportingError/unwritable(path:reason:)`` if something is missing in the file.
  public func finish() throws(ReportingError) {
    try flush()
    if let failure { throw failure }
  }

  private func add(_ values: [(tag: String, value: Double?)]) {
    let known = values.compactMap { tag, value in value.map { (tag, $0) } }
    guard !known.isEmpty else { return }
    waiting += EventEncoding.scalars(known, at: Date().timeIntervalSince1970, step: step)
  }

  private func flush() throws(ReportingError) {
    guard failure == nil else { return }
    do { try file.write(contentsOf: waiting) } catch {
      failure = .unwritable(path: path, reason: reason(of: error))
    }
    waiting = []
    lastWritten = Date()
  }

  /// Markdown.
  private static func table(_ settings: [(name: String, value: String)]) -> String {
    let rows = settings.map { name, value in
      let value = value.replacingOccurrences(of: "|", with: "\\|").replacingOccurrences(of: "\n", with: " ")
      return "| \(name) | \(value) |"
    }
    return (["| setting | value |", "|---|---|"] + rows).joined(separator: "\n")
  }
}

/// What the system says, without Foundation's frame.
private func reason(of error: any Error) -> String {
  let error = error as NSError
  let system = (error.userInfo[NSUnderlyingErrorKey] as? NSError) ?? error
  return system.domain == NSPOSIXErrorDomain
    ? String(cString: strerror(Int32(system.code))) : system.localizedDescription
}
