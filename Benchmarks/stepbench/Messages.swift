// What the orchestrator of the benchmarks and a worker say to each other.

/// A line from the orchestrator. Members that a request does not need are ignored.
struct Request: Decodable {
  let `do`: String
  let implementation: String?
  let `case`: StepCase?
  let id: Int?
  let count: Int?
  let path: String?
}

/// What a step is to be timed on.
struct StepCase: Decodable {
  enum Layout: String, Decodable {
    /// Tensors side by side in memory that was made for them.
    case arena
    /// Each tensor where malloc put it, as those of a trainer that knows nothing of us.
    case foreign
  }

  let tensors: [[Int]]
  let layout: Layout?
  let optimizer: String
  let hyperparameters: [String: Setting]?
  let clip: Double?
  let threads: Int?
}

/// A hyperparameter's value, which JSON writes as a number, a truth value or a word.
enum Setting: Decodable {
  case number(Double)
  case truth(Bool)
  case word(String)

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if let truth = try? value.decode(Bool.self) {
      self = .truth(truth)
    } else if let number = try? value.decode(Double.self) {
      self = .number(number)
    } else {
      self = .word(try value.decode(String.self))
    }
  }

  /// As an expression has it; whole numbers without a fraction, which integers do not take.
  var text: String {
    switch self {
    case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
    case .truth(let truth): truth ? "true" : "false"
    case .word(let word): word
    }
  }

  var number: Double {
    switch self {
    case .number(let number): number
    case .truth(let truth): truth ? 1 : 0
    case .word: .nan
    }
  }
}

/// A line to the orchestrator.
struct Reply: Encodable {
  var ok = true
  var why: String?
  var name: String?
  var version: String?
  var implementations: [String]?
  var id: Int?
  var seconds: Double?
}

/// Why a request cannot be carried out.
struct Refusal: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
