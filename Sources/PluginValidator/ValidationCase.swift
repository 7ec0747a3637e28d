// What a case is: a name, a sentence, and a check that runs in a process of its own.

/// One thing that every plugin must get right.
public struct ValidationCase: Sendable {
  /// What a case is about. Its cases lie in the file of that name.
  public enum Group: String, Sendable, CaseIterable, Codable {
    case loading, descriptor, life, memory, purity, process, frames, numbers, state, hyperparameters,
      composition,
      descent, formula
  }

  /// How far a plugin must get before the case can say anything.
  enum Need: Int, Sendable, Comparable {
    /// It is a file.
    case file
    /// The host loads it.
    case library
    /// The host makes instances of the optimizer and plans them.
    case instance
    /// A step of the optimizer succeeds.
    case step

    static func < (a: Need, b: Need) -> Bool { a.rawValue < b.rawValue }
  }

  /// Kebab-case, unique.
  public let name: String
  /// One sentence: what holds when the case passes.
  public let summary: String
  public internal(set) var group = Group.loading
  let need: Need
  /// Whether the case looks at the file or the library as a whole, once, and not at each of its optimizers.
  let isOfLibrary: Bool
  /// Seconds after which the process is killed.
  let timeLimit: Double
  let check: @Sendable (Subject) throws -> Void

  init(
    _ name: String, _ summary: String, needs need: Need = .step, ofLibrary isOfLibrary: Bool = false,
    timeLimit: Double = 30, check: @escaping @Sendable (Subject) throws -> Void
  ) {
    self.name = name
    self.summary = summary
    self.need = need
    self.isOfLibrary = isOfLibrary
    self.timeLimit = timeLimit
    self.check = check
  }

  /// Every case, group by group.
  public static let all: [ValidationCase] = Group.allCases.flatMap { group in
    cases(of: group).map {
      var validationCase = $0
      validationCase.group = group
      return validationCase
    }
  }

  private static func cases(of group: Group) -> [ValidationCase] {
    switch group {
    case .loading: loading
    case .descriptor: descriptor
    case .life: life
    case .memory: memory
    case .purity: purity
    case .process: process
    case .frames: frames
    case .numbers: numbers
    case .state: state
    case .hyperparameters: hyperparameters
    case .composition: composition
    case .descent: descent
    case .formula: formula
    }
  }

  /// The cases that show whether a plugin gets as far as others need.
  static let gates: [(need: Need, names: [String])] = [
    (.library, ["loads", "resolves-every-symbol", "describes-itself"]), (.instance, ["makes-instances"]),
    (.step, ["steps"]),
  ]
}

/// How a case ended.
public enum Outcome: String, Sendable, Codable, CaseIterable {
  case passed
  /// Nothing that the ABI forbids, but hardly what the author wants.
  case warning
  /// The case does not apply, or this system cannot tell.
  case skipped
  case failed
  /// The process died or had to be killed.
  case crashed

  /// Whether a plugin with this outcome is refused.
  public var isBad: Bool { self == .failed || self == .crashed }
}

/// What a check throws to end with anything but `passed`.
enum Verdict: Error {
  case warning(String)
  case skipped(String)
  case failed(String)
}

/// Ends the case as failed unless `condition` holds.
func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
  if !condition { throw Verdict.failed(message()) }
}
