// Arguments as names and values: read off the command line or a file, written to a file.

import ArgumentParser
import Foundation
import OptimizerHost
import Terminal
import Training

/// What a command line or a configuration file states.
struct Settings: Equatable, Sendable {
  enum Value: Equatable, Sendable {
    case flag
    case one(String)
    case several([String])
  }

  /// By the option's name.
  private(set) var values: [String: Value] = [:]

  /// Reads a command line as the parser will. What it will refuse is left out here.
  init(tokens: [String], _ table: OptionTable) { _ = read(tokens, table) }

  /// Reads a command line that the parser will not see as it is.
  /// - Throws: what the parser would say of unknown options, values that are missing or too many, and extra words.
  init(judging tokens: [String], _ table: OptionTable) throws(ValidationError) {
    if let problem = read(tokens, table).first { throw ValidationError(problem) }
  }

  /// What is wrong with the tokens, in words.
  private mutating func read(_ tokens: [String], _ table: OptionTable) -> [String] {
    var problems: [String] = []
    var extra: [String] = []
    var rest = tokens[...]
    var isOver = false
    func word(_ token: String) {
      guard let positional = table.positional else { return extra.append(token) }
      if values[positional.name] != nil { extra.append(token) } else { set(positional, token) }
    }
    while let token = rest.popFirst() {
      if token == "--" && !isOver {
        isOver = true
      } else if isOver || !token.hasPrefix("-") {
        word(token)
      } else if Self.isCluster(token, table) {
        rest = token.dropFirst().map { "-\($0)" } + rest
      } else {
        let parts = token.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
          String.init)
        guard let entry = table[spelling: parts[0]] else {
          let known = table.entries.flatMap(\.spellings)
          problems.append("Unknown option '\(parts[0])'.\(suggestion(for: parts[0], among: known))")
          continue
        }
        if !entry.takesValue {
          if parts.count == 2 {
            problems.append(
              "The option '\(parts[0])' does not take any value, but '\(parts[1])' was specified.")
          }
          // Of flags that undo one another the spelling says which it is, and the later one is in force.
          for spelling in entry.spellings { values[String(spelling.dropFirst(2))] = nil }
          values[Self.opposite(of: entry.name)] = nil
          values[String(parts[0].drop { $0 == "-" }).count > 1 ? String(parts[0].dropFirst(2)) : entry.name] =
            .flag
        } else if parts.count == 2 {
          set(entry, parts[1])
        } else if let next = rest.first, !next.hasPrefix("-") || next == "-" {
          set(entry, next)
          rest.removeFirst()
        } else if entry.name != "resume" {
          problems.append("Missing value for '\(parts[0])'.")
        }
      }
    }
    if !extra.isEmpty {
      let words = extra.map { "'\($0)'" }.joined(separator: ", ")
      problems.append(
        extra.count == 1 ? "Unexpected argument \(words)" : "\(extra.count) unexpected arguments: \(words)")
    }
    return problems
  }

  /// Whether a token is several short flags in one, such as `-qv`.
  private static func isCluster(_ token: String, _ table: OptionTable) -> Bool {
    token.count > 2 && !token.hasPrefix("--")
      && token.dropFirst().allSatisfy { table[spelling: "-\($0)"]?.takesValue == false }
  }

  /// Reads a configuration file: one JSON object; a member is named as the option is, without dashes.
  /// - Throws: ``ConfigurationError``, or `TrainingError` for a file that cannot be read.
  init(configuration path: String, _ table: OptionTable) throws {
    let bytes = try AtomicFile.read(path)
    let members: [String: Member]
    do {
      members = try JSONDecoder().decode([String: Member].self, from: Data(bytes))
    } catch DecodingError.typeMismatch(_, let context) where !context.codingPath.isEmpty {
      throw ConfigurationError(
        path: path,
        problem: "holds a value that is no number, text, truth value or list of texts: "
          + context.codingPath[0].stringValue)
    } catch DecodingError.valueNotFound(_, let context) where !context.codingPath.isEmpty {
      throw ConfigurationError(
        path: path, problem: "\(context.codingPath[0].stringValue) is null; give it a value, or leave it out")
    } catch {
      throw ConfigurationError(path: path, problem: "is no JSON object")
    }
    if let name = Self.repeatedName(in: bytes) {
      throw ConfigurationError(path: path, problem: "\(name) stands twice; keep one of them")
    }
    for (name, member) in members.sorted(by: { $0.key < $1.key }) {
      guard let entry = table[name: name] else {
        let known = table.entries.map(\.name) + [table.positional?.name].compactMap { $0 }
        throw ConfigurationError(
          path: path, problem: "\(name) is no option of convtrain.\(suggestion(for: name, among: known))")
      }
      if case .truth(true) = member, members[Self.opposite(of: name)].map({ $0.isTrue }) == true {
        throw ConfigurationError(
          path: path,
          problem: "\(Self.opposite(of: name)) and \(name) contradict each other; keep one of them")
      }
      switch (member, entry.takesValue || entry.name == table.positional?.name) {
      case (.truth(let holds), false): if holds { values[name] = .flag }
      case (.text(let text), true): set(entry, text)
      case (.list(let texts), true) where entry.isRepeating: for text in texts { set(entry, text) }
      default:
        throw ConfigurationError(
          path: path,
          problem: entry.takesValue
            ? "\(name) takes \(entry.isRepeating ? "a list of texts" : "a number or a text")"
            : "\(name) takes true or false")
      }
    }
  }

  /// The first name that the object has twice: a decoder would take either value. The text is that of a JSON object whose
  /// members are plain values or lists.
  private static func repeatedName(in bytes: [UInt8]) -> String? {
    var names: Set<[UInt8]> = []
    var depth = 0
    var at = 0
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "\""):
        let start = at + 1
        at = start
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
          at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
        }
        let end = min(at, bytes.count)
        let next = bytes[min(end + 1, bytes.count)...].first { !" \n\r\t".utf8.contains($0) }
        if depth == 1, next == UInt8(ascii: ":"), !names.insert(Array(bytes[start..<end])).inserted {
          return String(decoding: bytes[start..<end], as: UTF8.self)
        }
      default: break
      }
      at += 1
    }
    return nil
  }

  /// All options that have a value without being stated.
  init(standardsOf table: OptionTable) {
    for entry in table.entries + [table.positional].compactMap({ $0 }) {
      if let standard = entry.standard, entry.takesValue || entry.spellings.isEmpty { set(entry, standard) }
    }
  }

  private mutating func set(_ entry: OptionTable.Entry, _ text: String) {
    if entry.isRepeating {
      if case .several(let texts) = values[entry.name] {
        values[entry.name] = .several(texts + [text])
      } else {
        values[entry.name] = .several([text])
      }
    } else {
      values[entry.name] = .one(text)
    }
  }

  mutating func replace(_ name: String, by text: String) { values[name] = .one(text) }

  mutating func remove(_ name: String) { values[name] = nil }

  /// What a flag undoes, if there is such an option.
  static func opposite(of name: String) -> String {
    name.hasPrefix("no-") ? String(name.dropFirst(3)) : "no-\(name)"
  }

  /// With what `later` states on top; lists grow, and a flag undoes its opposite.
  func overridden(by later: Settings) -> Settings {
    var result = self
    for name in later.values.keys { result.remove(Self.opposite(of: name)) }
    result.values.merge(later.values) { old, new in
      guard case .several(let first) = old, case .several(let second) = new else { return new }
      return .several(first + second)
    }
    return result
  }

  /// As a command line.
  func tokens(_ table: OptionTable) -> [String] {
    var tokens: [String] = []
    for (name, value) in values.sorted(by: { $0.key < $1.key }) where name != table.positional?.name {
      switch value {
      case .flag: tokens.append("--\(name)")
      case .one(let text): tokens.append("--\(name)=\(text)")
      case .several(let texts): tokens += texts.map { "--\(name)=\($0)" }
      }
    }
    if case .one(let text)? = table.positional.flatMap({ values[$0.name] }) { tokens.insert(text, at: 0) }
    return tokens
  }

  /// As a configuration file, in the order of the help text.
  func json(_ table: OptionTable) -> String {
    let order = [table.positional?.name].compactMap { $0 } + table.entries.map(\.name)
    let names = order.filter { values[$0] != nil } + values.keys.filter { !order.contains($0) }.sorted()
    let lines = names.compactMap { name in
      values[name].map { value in
        let isNumber = table[name: name]?.standard.flatMap(Double.init) != nil
        return "  \(jsonString(name)): \(Self.json(value, isNumber: isNumber))"
      }
    }
    return "{\n" + lines.joined(separator: ",\n") + "\n}\n"
  }

  private static func json(_ value: Value, isNumber: Bool) -> String {
    switch value {
    case .flag: "true"
    case .several(let texts): "[" + texts.map(jsonString).joined(separator: ", ") + "]"
    // A number is written as one if it comes back as the same text, or if it is known to be one.
    case .one(let text):
      if Int(text).map({ "\($0)" }) == text {
        text
      } else if let number = Double(text), number.isFinite, "\(number)" == text,
        isNumber || !text.hasSuffix(".0")
      {
        text
      } else {
        jsonString(text)
      }
    }
  }

  /// Whether both say the same: numbers by their value.
  static func areEqual(_ first: Value?, _ second: Value?) -> Bool {
    if case .one(let first)? = first, case .one(let second)? = second, let first = Double(first),
      let second = Double(second)
    {
      return first == second
    }
    return first == second
  }

  /// A value in a file.
  private enum Member: Decodable {
    case truth(Bool)
    case text(String)
    case list([String])

    var isTrue: Bool { if case .truth(let holds) = self { holds } else { false } }

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let truth = try? value.decode(Bool.self) {
        self = .truth(truth)
      } else if let whole = try? value.decode(Int.self) {
        self = .text("\(whole)")
      } else if let number = try? value.decode(Double.self) {
        self = .text("\(number)")
      } else if value.decodeNil() {
        throw DecodingError.valueNotFound(
          Member.self, DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "null"))
      } else if let list = try? value.decode([String].self) {
        self = .list(list)
      } else {
        self = .text(try value.decode(String.self))
      }
    }
  }
}

/// A configuration file that cannot be followed.
struct ConfigurationError: Error, CustomStringConvertible {
  let path, problem: String

  var description: String { "\(path): \(problem)" }
}
