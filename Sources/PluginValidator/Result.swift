// What came out of a case, and how it is told.

import OptimizerHost

/// The outcome of one case for one optimizer.
public struct CaseResult: Sendable, Encodable {
  public var name: String
  public var group: ValidationCase.Group
  /// The optimizer; nil where the case is about the whole library.
  public var optimizer: String?
  public var outcome: Outcome
  /// Why it is not `passed`; empty when it is.
  public var message: String
  public var seconds: Double

  enum CodingKeys: String, CodingKey {
    case name = "case"
    case group, optimizer, outcome, message, seconds
  }

  /// Writes null where there is no optimizer, so that every result has the same members.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(group, forKey: .group)
    try container.encode(optimizer, forKey: .optimizer)
    try container.encode(outcome, forKey: .outcome)
    try container.encode(message, forKey: .message)
    try container.encode(seconds, forKey: .seconds)
  }
}

/// What a child says of its case.
struct ChildReport: Codable {
  var outcome: Outcome
  var message: String
  /// The library's optimizers, from the case that loads it.
  var optimizers: [String]?
}

extension ValidationCase {
  /// Runs the check in this process.
  func report(on subject: Subject) -> ChildReport {
    do {
      try check(subject)
      return ChildReport(outcome: .passed, message: "", optimizers: subject.knownOptimizers)
    } catch let verdict as Verdict {
      switch verdict {
      case .warning(let message):
        return ChildReport(outcome: .warning, message: message, optimizers: subject.knownOptimizers)
      case .skipped(let message): return ChildReport(outcome: .skipped, message: message)
      case .failed(let message): return ChildReport(outcome: .failed, message: message)
      }
    } catch OptimizerError.plugin(_, let refusal) {
      return ChildReport(outcome: .failed, message: "it \(refusal)")
    } catch {
      return ChildReport(outcome: .failed, message: "\(error)")
    }
  }
}
