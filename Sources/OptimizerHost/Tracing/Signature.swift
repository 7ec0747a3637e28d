// The type of a C function as data: a letter for its result and one for each parameter.

import CFFI

/// A function's type, written as `OPTPLUG_EXTENSION_SIGNATURES` says: "S(pFE)".
struct Signature {
  /// A type that a function can take or give.
  enum Letter: Character {
    case void = "v"
    case int8 = "b"
    case uint8 = "B"
    case int16 = "h"
    case uint16 = "H"
    case int32 = "i"
    case uint32 = "I"
    case int64 = "q"
    case uint64 = "Q"
    case float = "f"
    case double = "d"
    case pointer = "p"
    case string = "s"
    case status = "S"
    case frame = "F"
    case error = "E"
    // For functions of optplug.h alone:
    /// A parameter's place in the table of parameters.
    case parameterIndex = "P"
    /// A pointer to one parameter's description.
    case parameterPointer = "N"
    /// A request for a slot.
    case slot = "A"
    /// A `const optplug_pass *`.
    case pass = "X"
    /// An element type, by value.
    case dtype = "D"
    /// A pointer to a matrix.
    case matrix = "M"
    /// A pointer to a 32-bit result, which is there when the call answers OK.
    case output = "O"
    /// As a result: the table of the extension whose id is the string argument.
    case extensionTable = "T"
  }

  static let mostParameters = 16

  let result: Letter
  let parameters: [Letter]

  /// - Returns: nil when the text breaks the form or holds an unknown letter.
  init?(_ text: String) {
    guard let first = text.first, let result = Letter(rawValue: first), text.last == ")",
      text.dropFirst().first == "("
    else { return nil }
    let letters = text.dropFirst(2).dropLast().map { Letter(rawValue: $0) }
    let parameters = letters.compactMap { $0 }
    guard parameters.count == letters.count, parameters.count <= Self.mostParameters,
      !parameters.contains(.void), !parameters.contains(.extensionTable)
    else { return nil }
    self.result = result
    self.parameters = parameters
  }

  /// What libffi needs to make calls of this type; never freed, since closures refer to it. Nil when libffi does not
  /// know such calls.
  func prepare() -> UnsafeMutablePointer<ffi_cif>? {
    let types = UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>.allocate(
      capacity: max(1, parameters.count))
    for (i, parameter) in parameters.enumerated() { (types + i).initialize(to: parameter.type) }
    let interface = UnsafeMutablePointer<ffi_cif>.allocate(capacity: 1)
    interface.initialize(to: ffi_cif())
    guard
      ffi_prep_cif(interface, FFI_DEFAULT_ABI, UInt32(parameters.count), result.type, types) == FFI_OK
    else {
      types.deallocate()
      interface.deallocate()
      return nil
    }
    return interface
  }
}

extension Signature.Letter {
  fileprivate var type: UnsafeMutablePointer<ffi_type>? {
    switch self {
    case .void: cffi_void()
    case .int8: cffi_int8()
    case .uint8: cffi_uint8()
    case .int16: cffi_int16()
    case .uint16: cffi_uint16()
    case .int32, .status: cffi_int32()
    case .uint32, .parameterIndex: cffi_uint32()
    case .int64: cffi_int64()
    case .uint64: cffi_uint64()
    case .float: cffi_float()
    case .double: cffi_double()
    case .dtype: dtypeType
    case .pointer, .string, .frame, .error, .parameterPointer, .slot, .pass, .matrix, .output,
      .extensionTable:
      cffi_pointer()
    }
  }
}

/// `optplug_dtype` by its members.
nonisolated(unsafe) private let dtypeType: UnsafeMutablePointer<ffi_type> = {
  let members = UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>.allocate(capacity: 4)
  for (i, member) in [cffi_uint8(), cffi_uint8(), cffi_uint16(), nil].enumerated() {
    (members + i).initialize(to: member)
  }
  let type = UnsafeMutablePointer<ffi_type>.allocate(capacity: 1)
  // libffi fills in size and alignment.
  type.initialize(to: ffi_type(size: 0, alignment: 0, type: UInt16(FFI_TYPE_STRUCT), elements: members))
  return type
}()

/// A function pointer in a table: where it lies and how it is called.
struct FunctionSignature {
  let member: String
  /// Bytes from the table's start.
  let offset: Int
  let signature: String
  /// The parameters' names, as many as there are known.
  let parameters: [String]

  /// - Parameter parameters: names, separated by spaces.
  init(_ member: String, at offset: Int, _ signature: String, _ parameters: String = "") {
    self.member = member
    self.offset = offset
    self.signature = signature
    self.parameters = parameters.split(separator: " ").map(String.init)
  }
}
