// Element types of parameters and state, by the ABI's (DLPack's) numbers.

import COptPlug

/// The type of a tensor's elements.
public enum DType: String, Sendable, CaseIterable {
  case float32 = "F32"
  case float64 = "F64"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int8 = "I8"
  case int16 = "I16"
  case int32 = "I32"
  case int64 = "I64"
  case uint8 = "U8"
  case uint16 = "U16"
  case uint32 = "U32"
  case uint64 = "U64"

  /// The name that the safetensors format gives the type.
  public var safetensorsName: String { rawValue }

  /// Bytes of one element.
  public var size: Int { Int(abi.bits) / 8 }

  /// DLPack's numbers.
  public var dlpack: optplug_dtype { abi }

  var abi: optplug_dtype {
    let (code, bits): (UInt32, UInt8) =
      switch self {
      case .float32: (OPTPLUG_DTYPE_FLOAT, 32)
      case .float64: (OPTPLUG_DTYPE_FLOAT, 64)
      case .float16: (OPTPLUG_DTYPE_FLOAT, 16)
      case .bfloat16: (OPTPLUG_DTYPE_BFLOAT, 16)
      case .int8: (OPTPLUG_DTYPE_INT, 8)
      case .int16: (OPTPLUG_DTYPE_INT, 16)
      case .int32: (OPTPLUG_DTYPE_INT, 32)
      case .int64: (OPTPLUG_DTYPE_INT, 64)
      case .uint8: (OPTPLUG_DTYPE_UINT, 8)
      case .uint16: (OPTPLUG_DTYPE_UINT, 16)
      case .uint32: (OPTPLUG_DTYPE_UINT, 32)
      case .uint64: (OPTPLUG_DTYPE_UINT, 64)
      }
    return optplug_dtype(code: UInt8(code), bits: bits, lanes: 1)
  }

  /// The type with the ABI's number, or nil when this host does not know it.
  init?(_ abi: optplug_dtype) {
    let match = Self.allCases.first { $0.abi.code == abi.code && $0.abi.bits == abi.bits }
    guard abi.lanes == 1, let match else { return nil }
    self = match
  }

  /// The type with DLPack's numbers, or nil when this host does not know it.
  public init?(code: UInt8, bits: UInt8, lanes: UInt16) {
    self.init(optplug_dtype(code: code, bits: bits, lanes: lanes))
  }

  /// The capability that an optimizer needs to update parameters of this type; nil when none can.
  var capability: UInt64? {
    switch self {
    case .float32: OPTPLUG_CAPABILITY_FLOAT32
    case .float64: OPTPLUG_CAPABILITY_FLOAT64
    default: nil
    }
  }

  /// Fills `count` elements with `value` rounded to the type; integers saturate, and NaN becomes 0 in them.
  func fill(_ memory: UnsafeMutableRawPointer, count: Int, with value: Double) {
    func store<T>(_ element: T) {
      memory.assumingMemoryBound(to: T.self).update(repeating: element, count: count)
    }
    func integer<T: FixedWidthInteger>(_: T.Type) -> T {
      value.isNaN ? 0 : T(exactly: value.rounded()) ?? (value < 0 ? .min : .max)
    }
    switch self {
    case .float32: store(Float(value))
    case .float64: store(value)
    case .float16: store(halfBits(value))
    case .bfloat16: store(bfloatBits(value))
    case .int8: store(integer(Int8.self))
    case .int16: store(integer(Int16.self))
    case .int32: store(integer(Int32.self))
    case .int64: store(integer(Int64.self))
    case .uint8: store(integer(UInt8.self))
    case .uint16: store(integer(UInt16.self))
    case .uint32: store(integer(UInt32.self))
    case .uint64: store(integer(UInt64.self))
    }
  }
}

// Swift's Float16 does not exist on every platform, so 16-bit floats are made from their bits: the exponent's
// bias and the mantissa's width fix the spacing of neighbours, and rounding to a multiple of it is exact.

private func halfBits(_ value: Double) -> UInt16 {
  smallFloatBits(value, exponentBits: 5, mantissaBits: 10)
}

private func bfloatBits(_ value: Double) -> UInt16 {
  smallFloatBits(value, exponentBits: 8, mantissaBits: 7)
}

private func smallFloatBits(_ value: Double, exponentBits: Int, mantissaBits: Int) -> UInt16 {
  let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
  let allOnes = UInt16((1 << exponentBits) - 1) << UInt16(mantissaBits)
  guard !value.isNaN else { return allOnes | 1 << UInt16(mantissaBits - 1) }
  let bias = (1 << (exponentBits - 1)) - 1
  let magnitude = value.magnitude
  guard magnitude.isFinite, magnitude > 0 else { return sign | (magnitude > 0 ? allOnes : 0) }
  let exponent = max(Int(magnitude.exponent), 1 - bias)
  let spacing = Double(sign: .plus, exponent: exponent - mantissaBits, significand: 1)
  let steps = Int((magnitude / spacing).rounded(.toNearestOrEven))
  // Counting steps from the least exponent makes carries into the next exponent come out by themselves.
  let bits = steps + (exponent + bias - 1) << mantissaBits
  return sign | UInt16(min(bits, Int(allOnes)))
}
