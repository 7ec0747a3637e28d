// Everything that can go wrong with reports, each with its own text.

/// Errors of this module.
public enum ReportingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A folder that no run wrote into.
  case noRun(path: String, reason: String)
  /// A file of a run with something that is not right.
  case malformed(path: String, line: Int?, reason: String)
  /// The system refuses to read it.
  case unreadable(path: String, reason: String)
  /// The system refuses to write there.
  case unwritable(path: String, reason: String)

  public var description: String {
    switch self {
    case .noRun(let path, let reason):
      "\(path): is not the folder of a run (\(reason)); name one that convtrain made, such as runs/<date>-<arch>-<optimizer>"
    case .malformed(let path, let line, let reason):
      "\(path)\(line.map { ", line \($0)" } ?? ""): \(reason); it is damaged or was not written by convtrain: "
        + (line == nil
          ? "restore the file, or remove it if it is not metrics.jsonl"
          : "remove the line to go on without it")
    case .unreadable(let path, let reason):
      "\(path): cannot be read (\(reason)); check what it is and its permissions"
    case .unwritable(let path, let reason):
      "\(path): cannot be written (\(reason)); choose another place or free space"
    }
  }
}
