// The header of a safetensors file: what is where, checked against the file's length.

import OptimizerHost

/// A header whose entries are known to fill the file's data exactly.
struct SafetensorsHeader {
  struct Entry {
    let name: String
    let dtype: DType
    let shape: [Int]
    /// Bytes in the data, which begin after the header.
    let range: Range<Int>
  }

  typealias Malformed = SafetensorsFile.Malformed

  /// In the order of their data.
  let entries: [Entry]
  let metadata: [String: String]

  /// The largest header that Python's `safetensors` accepts as well.
  private static let maximumLength = 100_000_000

  /// - Returns: the header and where the data begin.
  static func read(from bytes: [UInt8]) throws(Malformed) -> (header: SafetensorsHeader, dataStart: Int) {
    guard bytes.count >= 8 else { throw Malformed(reason: "\(bytes.count) bytes are less than the least, 8") }
    let length = bytes[..<8].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(min(bytes.count - 8, maximumLength)) else {
      throw Malformed(reason: "its header should have \(length) bytes, but \(bytes.count - 8) follow")
    }
    let dataStart = 8 + Int(length)
    let json: JSONValue
    do throws(MalformedJSON) {
      json = try JSONValue(parsing: bytes[8..<dataStart])
    } catch {
      throw Malformed(reason: "its header is no valid JSON: \(error.reason)")
    }
    return (try SafetensorsHeader(json, dataLength: bytes.count - dataStart), dataStart)
  }

  private init(_ json: JSONValue, dataLength: Int) throws(Malformed) {
    guard case .object(let members) = json else { throw Malformed(reason: "its header is no JSON object") }
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    for (name, value) in members {
      if name == "__metadata__" {
        metadata = try Self.metadata(value)
      } else {
        entries.append(try Self.entry(name, value))
      }
    }
    entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let what = entry.range.lowerBound < end ? "overlaps the tensor before it" : "leaves a gap before it"
        throw Malformed(reason: "tensor \(entry.name) \(what)")
      }
      end = entry.range.upperBound
    }
    guard end == dataLength else {
      throw Malformed(reason: "its tensors need \(end) bytes of data, but it holds \(dataLength)")
    }
    self.entries = entries
    self.metadata = metadata
  }

  private static func metadata(_ value: JSONValue) throws(Malformed) -> [String: String] {
    guard case .object(let members) = value else { throw Malformed(reason: "its __metadata__ is no object") }
    var result: [String: String] = [:]
    for (key, value) in members {
      guard case .string(let text) = value else {
        throw Malformed(reason: "the value of \(key) in its __metadata__ is no text")
      }
      result[key] = text
    }
    return result
  }

  private static func entry(_ name: String, _ value: JSONValue) throws(Malformed) -> Entry {
    guard case .object(let members) = value,
      case .string(let typeName) = members.first(where: { $0.name == "dtype" })?.value,
      let shape = members.first(where: { $0.name == "shape" })?.value.naturalNumbers,
      let offsets = members.first(where: { $0.name == "data_offsets" })?.value.naturalNumbers,
      members.count == 3, offsets.count == 2
    else {
      throw Malformed(reason: "the entry of tensor \(name) lacks a valid dtype, shape or data_offsets")
    }
    guard let dtype = DType.allCases.first(where: { $0.safetensorsName == typeName }) else {
      throw Malformed(reason: "tensor \(name) has the type \(typeName), which is not known here")
    }
    var size = dtype.size
    for extent in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw Malformed(reason: "the shape of tensor \(name) is too large") }
      size = product
    }
    guard offsets[0] <= offsets[1], offsets[1] - offsets[0] == size else {
      throw Malformed(
        reason:
          "tensor \(name) has the offsets \(offsets[0])…\(offsets[1]), but its shape needs \(size) bytes")
    }
    return Entry(name: name, dtype: dtype, shape: shape, range: offsets[0]..<offsets[1])
  }

  /// The length and the header, padded with spaces so that the data begin at a multiple of eight.
  static func encode(tensors: [NamedTensor], metadata: [String: String]) -> [UInt8] {
    precondition(
      Set(tensors.map(\.name)).union(["__metadata__"]).count == tensors.count + 1, "two tensors of one name")
    var members: [(name: String, value: JSONValue)] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
      members.append(("__metadata__", .object(pairs.map { ($0.key, .string($0.value)) })))
    }
    var offset = 0
    for tensor in tensors {
      let size = tensor.shape.reduce(tensor.dtype.size, *)
      precondition(
        tensor.bytes.count == size, "tensor \(tensor.name) has \(tensor.bytes.count) bytes, not \(size)")
      members.append(
        (
          tensor.name,
          .object([
            ("dtype", .string(tensor.dtype.safetensorsName)),
            ("shape", .array(tensor.shape.map(JSONValue.number))),
            ("data_offsets", .array([.number(offset), .number(offset + size)])),
          ])
        ))
      offset += size
    }
    var header = Array(JSONValue.object(members).text.utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header
  }
}
