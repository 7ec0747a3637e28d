// Reads one NumPy array file; the header is parsed strictly before the data are looked at.

/// The content of a `.npy` file of numbers in C order.
///
/// Format, versions 1 to 3: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
struct NumPyFile {
  let path: String
  let shape: [Int]
  /// `|u1`, `<f4`, `>i8` …
  let descriptor: String
  private let bytes: [UInt8]
  private let start: Int

  init(path: String) throws(DatasetError) {
    self.path = path
    bytes = try ByteFile.contents(path)
    guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw .malformed(path: path, reason: "does not start like a NumPy array file")
    }
    guard (1...3).contains(bytes[6]), bytes[7] == 0 else {
      throw .malformed(
        path: path,
        reason: "is of format version \(bytes[6]).\(bytes[7]); versions 1.0, 2.0 and 3.0 are known")
    }
    let lengthBytes = bytes[6] == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthBytes else {
      throw .malformed(path: path, reason: "ends inside its header")
    }
    var length = 0
    for place in 0..<lengthBytes { length |= Int(bytes[8 + place]) << (8 * place) }
    start = 8 + lengthBytes + length
    guard start <= bytes.count else { throw .malformed(path: path, reason: "ends inside its header") }
    var header = NumPyHeader(bytes[(8 + lengthBytes)..<start])
    guard let content = header.parse() else {
      throw .malformed(path: path, reason: "its header is not one that NumPy writes")
    }
    guard !content.isFortran || content.shape.count < 2 else {
      throw .unsuitable(
        path: path, reason: "its array is in Fortran order",
        remedy: "save it anew with numpy.save(path, numpy.ascontiguousarray(array))")
    }
    shape = content.shape
    descriptor = content.descriptor
    var needed = elementSize
    for dimension in shape {
      let (product, overflow) = needed.multipliedReportingOverflow(by: dimension)
      guard !overflow else {
        throw .tooLarge(path: path, dimensions: shape, limit: "a machine can address")
      }
      needed = product
    }
    guard elementSize > 0 else {
      throw .unsuitable(
        path: path, reason: "holds elements of type '\(descriptor)'",
        remedy: "save images as uint8 or float32, labels as an integer type")
    }
    guard !shape.contains(0) else { throw .emptyDimension(path: path, dimensions: shape) }
    guard bytes.count - start == needed else {
      throw .wrongLength(path: path, bytes: bytes.count - start, needed: needed)
    }
  }

  /// Number of elements.
  var count: Int { shape.reduce(1, *) }

  /// `u`, `i` or `f`.
  var kind: Character { descriptor.dropFirst().first ?? "?" }

  /// Bytes of an element; 0: of a type that is not known here.
  private var elementSize: Int {
    switch descriptor.dropFirst() {
    case "u1", "i1": 1
    case "u2", "i2": 2
    case "u4", "i4", "f4": 4
    case "u8", "i8", "f8": 8
    default: 0
    }
  }

  /// Element `index` as bits in the machine's order.
  private func bits(_ index: Int) -> UInt64 {
    let size = elementSize
    let first = start + index * size
    let isBig = descriptor.first == ">"
    return (0..<size).reduce(0) { $0 | UInt64(bytes[first + (isBig ? size - 1 - $1 : $1)]) << UInt64(8 * $1) }
  }

  /// Element `index` of an array of whole numbers; `nil`: above the largest `Int`.
  func integer(_ index: Int) -> Int? {
    let value = bits(index)
    guard kind == "i" else { return Int(exactly: value) }
    let unused = UInt64(64 - 8 * elementSize)
    return Int(Int64(bitPattern: value << unused) >> Int64(unused))
  }

  /// Element `index` of an array of any numbers.
  func number(_ index: Int) -> Double {
    switch (kind, elementSize) {
    case ("f", 4): Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits(index))))
    case ("f", _): Double(bitPattern: bits(index))
    default: Double(integer(index) ?? .max)
    }
  }

  /// The data of an array of bytes.
  var rawBytes: ArraySlice<UInt8> { bytes[start...] }
}

/// The dictionary in a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 28, 28), }`.
private struct NumPyHeader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) {
    rest = bytes
  }

  /// `nil`: something else stands there.
  mutating func parse() -> (descriptor: String, isFortran: Bool, shape: [Int])? {
    var descriptor: String?
    var isFortran: Bool?
    var shape: [Int]?
    guard take("{") else { return nil }
    while !take("}") {
      guard let key = string(), take(":") else { return nil }
      switch key {
      case "descr" where descriptor == nil: descriptor = string()
      case "fortran_order" where isFortran == nil:
        isFortran = take("True") ? true : take("False") ? false : nil
      case "shape" where shape == nil: shape = tuple()
      default: return nil
      }
      guard take(",") || rest.first == UInt8(ascii: "}") else { return nil }
    }
    skipSpace()
    guard rest.isEmpty, let descriptor, let isFortran, let shape, let order = descriptor.first,
      "<>|=".contains(order), order != "="
    else { return nil }
    return (descriptor, isFortran, shape)
  }

  private mutating func skipSpace() {
    rest = rest.drop { $0 == 32 || $0 == 10 }
  }

  private mutating func take(_ text: String) -> Bool {
    skipSpace()
    guard rest.starts(with: text.utf8) else { return false }
    rest = rest.dropFirst(text.utf8.count)
    skipSpace()
    return true
  }

  private mutating func string() -> String? {
    skipSpace()
    guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      return nil
    }
    rest = rest.dropFirst()
    guard let end = rest.firstIndex(of: quote) else { return nil }
    defer { rest = rest[(end + 1)...] }
    return String(decoding: rest[..<end], as: UTF8.self)
  }

  private mutating func tuple() -> [Int]? {
    guard take("(") else { return nil }
    var values: [Int] = []
    while !take(")") {
      let digits = rest.prefix { (48...57).contains($0) }
      guard let value = Int(String(decoding: digits, as: UTF8.self)), values.count < 32 else { return nil }
      rest = rest[digits.endIndex...]
      values.append(value)
      guard take(",") || rest.first == UInt8(ascii: ")") else { return nil }
    }
    return values
  }
}
