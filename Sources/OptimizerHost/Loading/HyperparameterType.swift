// A hyperparameter as a plugin describes it, checked; and the values it takes.

import COptPlug

/// Name, kind, range and meaning of one setting of an optimizer.
public struct HyperparameterType: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case float, integer, boolean
    /// A value is the place of a word in the list.
    case choice([String])
  }

  public let name: String
  public let doc: String
  public let kind: Kind
  public let defaultValue: Double
  public let minimum: Double
  public let maximum: Double
  public let minimumExcluded: Bool
  public let maximumExcluded: Bool
  /// The value decides which slots exist, so it is fixed once the optimizer is made.
  public let isStructural: Bool
  /// Whether the value is zero decides which slots exist.
  public let isZeroStructural: Bool

  /// What is wrong with a value, or nil.
  public func problem(with value: Double) -> String? {
    switch kind {
    case .integer where value.rounded() != value || value.magnitude > 0x1p53: return "takes whole numbers"
    case .boolean where value != 0 && value != 1: return "takes true or false"
    case .choice(let words) where value.rounded() != value || value < 0 || value >= Double(words.count):
      return "takes \(words.joined(separator: ", "))"
    default: break
    }
    let fits =
      (minimumExcluded ? value > minimum : value >= minimum)
      && (maximumExcluded ? value < maximum : value <= maximum) && value.isFinite
    return fits ? nil : "takes values \(range)"
  }

  /// The range in words: "≥ 0", "from 0 to 1 (1 excluded)".
  public var range: String {
    let (low, high) = (format(minimum), format(maximum))
    switch (minimum.isFinite, maximum.isFinite) {
    case (false, false): return "of any finite size"
    case (true, false): return minimumExcluded ? "> \(low)" : "≥ \(low)"
    case (false, true): return maximumExcluded ? "< \(high)" : "≤ \(high)"
    case (true, true):
      let excluded = [minimumExcluded ? low : nil, maximumExcluded ? high : nil].compactMap { $0 }
      return "from \(low) to \(high)"
        + (excluded.isEmpty ? "" : " (\(excluded.joined(separator: " and ")) excluded)")
    }
  }

  /// Reads a value as a user writes it.
  /// - Throws: `OptimizerError.hyperparameter` when the text is not a value or not one that is allowed.
  public func parse(_ text: String) throws -> Double {
    let value: Double? =
      switch (kind, text) {
      case (.boolean, "true"): 1
      case (.boolean, "false"): 0
      case (.choice(let words), _): words.firstIndex(of: text).map(Double.init)
      default: Double(text)
      }
    guard let value else {
      var hint = ""
      if case .choice(let words) = kind { hint = suggestion(for: text, among: words) }
      throw OptimizerError.hyperparameter(
        name, problem: "'\(text)' is not a value; it takes \(expected).\(hint)")
    }
    if let problem = problem(with: value) {
      throw OptimizerError.hyperparameter(name, problem: "\(problem), not \(text)")
    }
    return value
  }

  /// A value as a user would write it.
  public func format(_ value: Double) -> String {
    switch kind {
    case .boolean: return value == 0 ? "false" : "true"
    case .choice(let words):
      guard let place = Int(exactly: value), words.indices.contains(place) else { return "\(value)" }
      return words[place]
    case .integer, .float:
      return Int(exactly: value).flatMap { $0.magnitude < 1 << 53 ? "\($0)" : nil } ?? "\(value)"
    }
  }

  private var expected: String {
    switch kind {
    case .float: "numbers \(range)"
    case .integer: "whole numbers \(range)"
    case .boolean: "true or false"
    case .choice(let words): words.joined(separator: ", ")
    }
  }
}

extension HyperparameterType {
  /// Reads and checks a descriptor.
  /// - Throws: `Refusal.descriptor`.
  init(_ entry: UnsafePointer<optplug_hyperparameter>, optimizer: String) throws {
    let raw = entry.pointee
    let name = try DescriptorCheck.name(raw.name, of: "a hyperparameter of '\(optimizer)'")
    func wrong(_ problem: String) -> Refusal {
      .descriptor("hyperparameter '\(name)' of '\(optimizer)' \(problem)")
    }
    self.name = name
    doc = raw.doc.map { String(cString: $0) } ?? ""
    switch raw.kind {
    case OPTPLUG_HYPERPARAMETER_FLOAT: kind = .float
    case OPTPLUG_HYPERPARAMETER_INTEGER: kind = .integer
    case OPTPLUG_HYPERPARAMETER_BOOLEAN: kind = .boolean
    case OPTPLUG_HYPERPARAMETER_CHOICE:
      guard let choices = raw.choices else { throw wrong("is a choice without choices") }
      var words: [String] = []
      while let word = choices[words.count] {
        guard words.count < 256 else { throw wrong("has more than 256 choices") }
        words.append(
          try DescriptorCheck.name(word, of: "a choice of hyperparameter '\(name)'", dashes: true))
      }
      if let twice = firstDuplicate(words) { throw wrong("has two choices '\(twice)'") }
      guard !words.isEmpty else { throw wrong("is a choice without choices") }
      kind = .choice(words)
    default: throw wrong("has the unknown kind \(raw.kind)")
    }
    defaultValue = raw.default_value
    minimum = raw.min_value
    maximum = raw.max_value
    minimumExcluded = raw.flags & OPTPLUG_HYPERPARAMETER_MIN_EXCLUSIVE != 0
    maximumExcluded = raw.flags & OPTPLUG_HYPERPARAMETER_MAX_EXCLUSIVE != 0
    isStructural = raw.flags & OPTPLUG_HYPERPARAMETER_STRUCTURAL != 0
    isZeroStructural = raw.flags & OPTPLUG_HYPERPARAMETER_ZERO_STRUCTURAL != 0
    guard !minimum.isNaN, !maximum.isNaN, minimum <= maximum else { throw wrong("has no valid range") }
    let last: Double? =
      switch kind {
      case .boolean: 1
      case .choice(let words): Double(words.count - 1)
      case .float, .integer: nil
      }
    if let last, minimum != 0 || maximum != last || minimumExcluded || maximumExcluded {
      throw wrong("has a range other than 0 to \(Int(last)), which its kind demands")
    }
    if problem(with: defaultValue) != nil {
      throw wrong("has the default \(defaultValue), outside its own range")
    }
  }
}
