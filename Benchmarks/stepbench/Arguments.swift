// The words of the command line, taken one by one.

/// A command line that cannot be carried out, and how to mend it.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What is left of the command line.
struct Arguments {
  private var words: [String]

  init(_ words: some Sequence<String>) { self.words = Array(words) }

  /// Takes the next word, which is no option.
  mutating func word(_ meaning: String) throws -> String {
    guard let word = words.first, !word.hasPrefix("-") else { throw UsageError("say \(meaning)") }
    words.removeFirst()
    return word
  }

  /// Takes an option and the word after it; nil when it is not there.
  mutating func text(_ option: String) throws -> String? {
    guard let place = words.firstIndex(of: option) else { return nil }
    guard place + 1 < words.count else { throw UsageError("\(option) needs a value after it") }
    let value = words[place + 1]
    words.removeSubrange(place...place + 1)
    return value
  }

  mutating func integer(_ option: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let text = try text(option) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw UsageError("\(option) \(text) is no whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  mutating func number(_ option: String) throws -> Double? {
    guard let text = try text(option) else { return nil }
    guard let value = Double(text), value.isFinite else { throw UsageError("\(option) \(text) is no number") }
    return value
  }

  mutating func choice<T>(_ option: String, _ values: KeyValuePairs<String, T>) throws -> T? {
    guard let text = try text(option) else { return nil }
    guard let match = values.first(where: { $0.key == text }) else {
      throw UsageError("\(option) \(text) is none of \(values.map(\.key).joined(separator: ", "))")
    }
    return match.value
  }

  func expectEnd() throws {
    guard let extra = words.first else { return }
    throw UsageError("'\(extra)' has no meaning here, or is given twice; leave it out")
  }
}
