// The JSON that headers of weight files use, read strictly: repeated names are errors, which Foundation's
// reader lets pass.

import OptimizerHost

/// Objects, arrays, texts and natural numbers; members keep their order.
indirect enum JSONValue: Sendable {
  case object([(name: String, value: JSONValue)])
  case array([JSONValue])
  case string(String)
  case number(Int)

  /// Reads one value, with white space around it and nothing else.
  init(parsing bytes: ArraySlice<UInt8>) throws(MalformedJSON) {
    var reader = JSONReader(rest: bytes)
    self = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.rest.isEmpty else { throw MalformedJSON(reason: "text behind its end") }
  }

  /// The elements of an array of natural numbers.
  var naturalNumbers: [Int]? {
    guard case .array(let values) = self else { return nil }
    var numbers: [Int] = []
    for value in values {
      guard case .number(let number) = value else { return nil }
      numbers.append(number)
    }
    return numbers
  }

  /// As JSON, without white space.
  var text: String {
    switch self {
    case .object(let members):
      "{" + members.map { "\(jsonString($0.name)):\($0.value.text)" }.joined(separator: ",") + "}"
    case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
    case .string(let text): jsonString(text)
    case .number(let number): "\(number)"
    }
  }
}

/// What is wrong with a JSON text.
struct MalformedJSON: Error {
  let reason: String
}

/// Takes a JSON text apart from its front.
private struct JSONReader {
  var rest: ArraySlice<UInt8>

  mutating func value(depth: Int) throws(MalformedJSON) -> JSONValue {
    // A header nests three deep; a hostile one must not exhaust the stack.
    guard depth < 8 else { throw .init(reason: "nested too deep") }
    skipSpace()
    switch rest.first {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case nil: throw .init(reason: "ends too early")
    case let byte? where UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte: return .number(try number())
    case let byte?: throw .init(reason: "unexpected \(Self.show(byte))")
    }
  }

  mutating func skipSpace() {
    rest = rest.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
  }

  private mutating func object(depth: Int) throws(MalformedJSON) -> [(name: String, value: JSONValue)] {
    var members: [(name: String, value: JSONValue)] = []
    var names: Set<String> = []
    try take("{")
    if skip("}") { return members }
    repeat {
      skipSpace()
      let name = try string()
      guard names.insert(name).inserted else { throw .init(reason: "the name \(name) is there twice") }
      try take(":")
      members.append((name, try value(depth: depth + 1)))
    } while skip(",")
    try take("}")
    return members
  }

  private mutating func array(depth: Int) throws(MalformedJSON) -> [JSONValue] {
    var values: [JSONValue] = []
    try take("[")
    if skip("]") { return values }
    repeat { values.append(try value(depth: depth + 1)) } while skip(",")
    try take("]")
    return values
  }

  private mutating func number() throws(MalformedJSON) -> Int {
    let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    rest = rest.dropFirst(digits.count)
    guard let number = Int(String(decoding: digits, as: UTF8.self)), digits.count == 1 || digits.first != 0x30
    else { throw .init(reason: "a number that is too large or begins with 0") }
    if let next = rest.first, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(next) {
      throw .init(reason: "a number that is not whole")
    }
    return number
  }

  private mutating func string() throws(MalformedJSON) -> String {
    guard skip("\"") else { throw .init(reason: "a text in quotation marks is missing") }
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw .init(reason: "a text that is no valid UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): bytes += String(try escaped()).utf8
      case ..<0x20: throw .init(reason: "a control character in a text")
      default: bytes.append(byte)
      }
    }
    throw .init(reason: "a text that does not end")
  }

  private mutating func escaped() throws(MalformedJSON) -> Character {
    switch rest.popFirst() {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return Character(try unicode())
    default: throw .init(reason: "an unknown escape in a text")
    }
  }

  /// `XXXX` after `\u`, with the second half of a surrogate pair where there is one.
  private mutating func unicode() throws(MalformedJSON) -> Unicode.Scalar {
    let unit = try hexadecimal()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard unit < 0xDC00, rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u") else {
      throw .init(reason: "half a surrogate pair")
    }
    let second = try hexadecimal()
    guard 0xDC00...0xDFFF ~= second,
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
    else { throw .init(reason: "half a surrogate pair") }
    return scalar
  }

  private mutating func hexadecimal() throws(MalformedJSON) -> UInt32 {
    let digits = rest.prefix(4)
    rest = rest.dropFirst(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw .init(reason: "an escape without four hexadecimal digits") }
    return value
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard rest.first == UInt8(ascii: character) else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func take(_ character: Unicode.Scalar) throws(MalformedJSON) {
    guard skip(character) else {
      let found = rest.first.map(Self.show) ?? "the end"
      throw .init(reason: "\(found) in place of \(Self.show(UInt8(ascii: character)))")
    }
  }

  private static func show(_ byte: UInt8) -> String {
    0x21...0x7E ~= byte ? "'\(Character(Unicode.Scalar(byte)))'" : "the byte \(byte)"
  }
}
