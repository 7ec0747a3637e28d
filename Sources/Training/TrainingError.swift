// Everything that can go wrong in a training run and with weight files, each with its own text.

import Datasets

/// Errors of this module. Errors of the data set, the network and the optimizer pass through as they are.
public enum TrainingError: Error, Hashable, Sendable, CustomStringConvertible {
  /// An option outside its range.
  case invalidOption(name: String, value: String, range: String)
  /// A hyperparameter was asked for that the optimizer lacks, or of which it has several.
  case noHyperparameter(name: String, optimizer: String, candidates: [String])
  /// A rule for parameters matches none; `suggestion` starts with a space, or is empty.
  case noParameter(pattern: String, suggestion: String, names: [String])
  /// Something looks at validation images, and there are none.
  case needsValidation(what: String)
  /// A loss, gradient, parameter or state of the optimizer that is no finite number. Epoch and step count from 1.
  case diverged(epoch: Int, step: Int, finding: String)
  /// No such file.
  case notFound(path: String)
  /// The system refuses to read it.
  case unreadable(path: String, reason: String)
  /// Not a whole safetensors file.
  case malformedWeights(path: String, reason: String)
  /// Weights of another network.
  case otherWeights(path: String, differences: [String])
  /// The system refuses to write there; what was there before is untouched.
  case unwritable(path: String, reason: String)
  /// A checkpoint of which a byte is not as it was written, or that is none.
  case damagedCheckpoint(path: String, finding: String)
  /// A checkpoint of a run that is not this one.
  case otherRun(path: String, differences: [String])
  /// A run directory, or its log, that cannot be used.
  case runDirectory(path: String, problem: String)
  /// A folder that cannot become a run directory, since there is something in it.
  case runExists(path: String, problem: String)
  /// A run directory that another process writes to.
  case locked(path: String, owner: String)
  /// A run directory without a checkpoint that could be read, and what is wrong with each.
  case noCheckpoint(path: String, findings: [String])

  public var description: String {
    switch self {
    case .invalidOption(let name, let value, let range):
      return "\(name) \(value) is out of range; use \(range)"
    case .noHyperparameter(let name, let optimizer, let candidates):
      return candidates.isEmpty
        ? "\(optimizer) has no hyperparameter \(name): leave it out"
        : "\(optimizer) has several hyperparameters \(name): set each by its path, "
          + candidates.joined(separator: ", ")
    case .noParameter(let pattern, let suggestion, let names):
      let shown = names.prefix(8).joined(separator: ", ")
      return "no parameter is named as '\(pattern)'.\(suggestion) The network has \(shown)"
        + (names.count > 8 ? " and \(names.count - 8) more" : "")
    case .needsValidation(let what):
      return "\(what) looks at validation images, and none are held back"
    case .diverged(let epoch, let step, let finding):
      return "training diverged in epoch \(epoch), step \(step): \(finding); "
        + "try a lower learning rate or clip the gradients"
    case .notFound(let path):
      return "\(path): no such file or folder; check the spelling"
    case .unreadable(let path, let reason):
      return "\(path): cannot be read (\(reason)); check what it is and its permissions"
    case .malformedWeights(let path, let reason):
      return "\(path): is not a whole safetensors file: \(reason); save the weights again"
    case .otherWeights(let path, let differences):
      return "\(path): holds weights of another network: \(list(differences)); "
        + "choose the architecture and the data it was trained with"
    case .unwritable(let path, let reason):
      return "\(path): cannot be written (\(reason)); choose another place or free space; "
        + "what was there is unchanged"
    case .damagedCheckpoint(let path, let finding):
      return "\(path): is no whole checkpoint: \(finding); resume from an earlier one"
    case .otherRun(let path, let differences):
      return "\(path): belongs to a run that is not this one: \(list(differences)); "
        + "resume it with what it began with, or start a new run"
    case .runDirectory(let path, let problem), .runExists(let path, let problem):
      return "\(path): \(problem)"
    case .locked(let path, let owner):
      return "\(path): \(owner) is writing to it; wait for its end, or choose another run directory"
    case .noCheckpoint(let path, let findings):
      return findings.isEmpty
        ? "\(path): holds no checkpoint yet; start the run anew"
        : "\(path): holds no checkpoint that is whole: \(list(findings)); start the run anew"
    }
  }

  /// The first few, and how many more there are.
  private func list(_ findings: [String]) -> String {
    findings.prefix(5).joined(separator: "; ")
      + (findings.count > 5 ? "; and \(findings.count - 5) more" : "")
  }
}
