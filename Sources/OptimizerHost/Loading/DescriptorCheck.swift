// The rules for text and arrays that a plugin hands out.

import COptPlug

enum DescriptorCheck {
  /// A name by the rules of the ABI: `[a-z][a-z0-9_]*` (with `-` too where `dashes`), at most 63 bytes.
  static func name(_ pointer: UnsafePointer<CChar>?, of what: String, dashes: Bool = false) throws -> String {
    guard let pointer else { throw Refusal.descriptor("\(what) has no name") }
    var bytes: [UInt8] = []
    while bytes.count < 64, pointer[bytes.count] != 0 {
      bytes.append(UInt8(bitPattern: pointer[bytes.count]))
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let lower = UInt8(ascii: "a")...UInt8(ascii: "z")
    let isValid =
      (1...63).contains(bytes.count) && lower.contains(bytes[0])
      && bytes.allSatisfy {
        lower.contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
          || (dashes && $0 == UInt8(ascii: "-"))
      }
    guard isValid else {
      throw Refusal.descriptor(
        "\(what) has the name '\(text)'; names are 1 to 63 of a-z, 0-9\(dashes ? ", - and" : " and") _, a letter first"
      )
    }
    return text
  }

  /// The elements of a span, each at least `least` bytes.
  static func elements<T>(_ span: optplug_span, as _: T.Type, least: UInt32, most: UInt32, of what: String)
    throws
    -> [UnsafePointer<T>]
  {
    guard span.count > 0 else { return [] }
    guard span.count <= most else { throw Refusal.descriptor("\(what): \(span.count) are more than \(most)") }
    guard let data = span.data else {
      throw Refusal.descriptor("\(what): \(span.count) announced, none given")
    }
    guard (least...1 << 16).contains(span.stride), span.stride % 8 == 0 else {
      throw Refusal.descriptor(
        "\(what): the stride \(span.stride) is not a multiple of 8 from \(least) to \(1 << 16)")
    }
    return (0..<Int(span.count)).map { (data + $0 * Int(span.stride)).assumingMemoryBound(to: T.self) }
  }
}
