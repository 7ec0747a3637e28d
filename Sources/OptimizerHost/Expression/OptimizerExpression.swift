// Optimizer expressions: "lookahead(k=5, alpha=0.5, ./my.so:adamw(lr=5e-4))".

/// Which optimizer to use, with which settings, over which bases.
///
/// ```
/// expression  := target [ "(" [ argument { "," argument } ] ")" ]
/// target      := name | path [ ":" name ]
/// argument    := hyperparameter "=" value | expression
/// ```
/// A target with a slash or ending in ".so" or ".dylib" is a path, anything else a name. A path that holds a
/// space, a comma or a parenthesis goes in double quotes. Values are numbers, true, false or words.
public struct OptimizerExpression: Equatable, Sendable {
  /// A setting written in the expression.
  public struct Setting: Equatable, Sendable {
    public let name: String
    public let value: String
    /// Where the name begins, in characters from 0.
    public let position: Int
  }

  /// A name, or a path when `isPath`.
  public let target: String
  public let isPath: Bool
  /// The optimizer inside the file at a path, where one is named.
  public let member: String?
  public let settings: [Setting]
  public let bases: [OptimizerExpression]
  /// Where the target begins, in characters from 0.
  public let position: Int
  /// The whole text, for messages.
  public let text: String

  /// Reads an expression.
  /// - Throws: `OptimizerError.expression` with the place of the first mistake.
  public init(parsing text: String) throws {
    var parser = ExpressionParser(text)
    self = try parser.parse()
  }

  init(
    target: String, isPath: Bool, member: String?, settings: [Setting], bases: [OptimizerExpression],
    position: Int,
    text: String
  ) {
    self.target = target
    self.isPath = isPath
    self.member = member
    self.settings = settings
    self.bases = bases
    self.position = position
    self.text = text
  }

  /// What the target looks like in messages and in a canonical expression.
  public var targetText: String {
    // Without quotes such a path would be read as something else.
    let needsQuotes = target.contains { $0.isWhitespace || ",()=:\"".contains($0) } || !looksLikePath(target)
    let path = isPath && needsQuotes ? "\"\(target)\"" : target
    return member.map { "\(path):\($0)" } ?? path
  }
}

private struct ExpressionParser {
  let text: String
  let characters: [Character]
  var at = 0
  var depth = 0

  init(_ text: String) {
    self.text = text
    characters = Array(text)
  }

  mutating func parse() throws -> OptimizerExpression {
    let expression = try expression()
    skipSpace()
    guard at == characters.count else {
      throw failure(
        current == ")"
          ? "this ')' closes nothing; remove it" : "unexpected '\(characters[at])' after the expression")
    }
    return expression
  }

  private mutating func expression() throws -> OptimizerExpression {
    skipSpace()
    let start = at
    let quoted = current == "\""
    var word = try word(expecting: "an optimizer's name or path")
    var member: String?
    if !quoted, let colon = word.lastIndex(of: ":") {
      member = String(word[word.index(after: colon)...])
      word = String(word[..<colon])
    } else if quoted, current == ":" {
      at += 1
      member = try self.word(expecting: "an optimizer's name after ':'")
    }
    let isPath = quoted || looksLikePath(word)
    if member != nil, !isPath { throw failure("only a path can be followed by ':'", at: start) }
    if member == "" || word.isEmpty { throw failure("a name is missing beside ':'", at: start) }
    var settings: [OptimizerExpression.Setting] = []
    var bases: [OptimizerExpression] = []
    if skip("(") {
      depth += 1
      guard depth <= 32 else { throw failure("more than 32 optimizers inside one another") }
      try arguments(&settings, &bases)
      depth -= 1
    }
    return OptimizerExpression(
      target: word, isPath: isPath, member: member, settings: settings, bases: bases, position: start,
      text: text)
  }

  private mutating func arguments(
    _ settings: inout [OptimizerExpression.Setting], _ bases: inout [OptimizerExpression]
  ) throws {
    let open = at - 1
    if skip(")") { return }
    while true {
      skipSpace()
      let start = at
      let isQuoted = current == "\""
      let word = try word(expecting: "a setting or an optimizer")
      if !isQuoted, skip("=") {
        skipSpace()
        let value = try self.word(expecting: "a value for '\(word)'")
        if settings.contains(where: { $0.name == word }) {
          throw failure("'\(word)' is set twice; keep one", at: start)
        }
        settings.append(.init(name: word, value: value, position: start))
      } else {
        at = start
        bases.append(try expression())
      }
      if skip(")") { return }
      guard skip(",") else {
        throw at == characters.count
          ? failure("this '(' is never closed; add ')'", at: open) : failure("expected ',' or ')'")
      }
    }
  }

  private var current: Character? { at < characters.count ? characters[at] : nil }

  private mutating func skipSpace() { while let c = current, c.isWhitespace { at += 1 } }

  private mutating func skip(_ character: Character) -> Bool {
    skipSpace()
    guard current == character else { return false }
    at += 1
    return true
  }

  private mutating func word(expecting what: String) throws -> String {
    let start = at
    if current == "\"" {
      at += 1
      while let c = current, c != "\"" { at += 1; _ = c }
      guard current == "\"" else { throw failure("this quotation mark is never closed", at: start) }
      at += 1
      return String(characters[(start + 1)..<(at - 1)])
    }
    while let c = current, !c.isWhitespace, !"(),=\"".contains(c) { at += 1 }
    guard at > start else { throw failure("expected \(what)") }
    return String(characters[start..<at])
  }

  private func failure(_ problem: String, at position: Int? = nil) -> OptimizerError {
    .expression(text, position: position ?? at, problem: problem)
  }
}

/// Whether a word names a file rather than an optimizer.
private func looksLikePath(_ word: String) -> Bool {
  word.contains("/") || word.hasSuffix(".so") || word.hasSuffix(".dylib")
}
