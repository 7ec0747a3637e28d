// Element types and the rounding of initial values to them.

import COptPlug
import Testing

@testable import OptimizerHost

@Suite struct DTypeTests {
  /// The bits of one element filled with `value`.
  private func bits(_ dtype: DType, _ value: Double) -> UInt64 {
    var bits: UInt64 = 0
    dtype.fill(&bits, count: 1, with: value)
    return bits
  }

  @Test func numbersAreThoseOfDLPack() {
    let types: [(DType, UInt8, UInt8, String)] = [
      (.int8, 0, 8, "I8"), (.int16, 0, 16, "I16"), (.int32, 0, 32, "I32"), (.int64, 0, 64, "I64"),
      (.uint8, 1, 8, "U8"), (.uint16, 1, 16, "U16"), (.uint32, 1, 32, "U32"), (.uint64, 1, 64, "U64"),
      (.float16, 2, 16, "F16"), (.float32, 2, 32, "F32"), (.float64, 2, 64, "F64"),
      (.bfloat16, 4, 16, "BF16"),
    ]
    #expect(types.count == DType.allCases.count)
    for (dtype, code, bits, name) in types {
      #expect(dtype.abi.code == code && dtype.abi.bits == bits && dtype.abi.lanes == 1)
      #expect(DType(optplug_dtype(code: code, bits: bits, lanes: 1)) == dtype)
      #expect(dtype.size == Int(bits) / 8)
      #expect(dtype.safetensorsName == name)
    }
    for (code, bits, lanes): (UInt8, UInt8, UInt16) in [
      (2, 8, 1), (3, 32, 1), (4, 32, 1), (2, 32, 2), (255, 0, 0),
    ] {
      #expect(DType(optplug_dtype(code: code, bits: bits, lanes: lanes)) == nil)
    }
  }

  @Test(arguments: DType.allCases) func fillsNoMoreThanItShould(_ dtype: DType) {
    var memory = [UInt8](repeating: 0xAA, count: 64)
    dtype.fill(&memory, count: 3, with: 1)
    let one = (0..<dtype.size).map { UInt8(truncatingIfNeeded: bits(dtype, 1) >> UInt64(8 * $0)) }
    #expect(Array(memory.prefix(3 * dtype.size)) == one + one + one)
    #expect(memory.dropFirst(3 * dtype.size).allSatisfy { $0 == 0xAA })
    dtype.fill(&memory, count: 0, with: 1)
    #expect(memory.dropFirst(3 * dtype.size).allSatisfy { $0 == 0xAA })
  }

  @Test func integersRoundAndSaturate() {
    #expect(bits(.uint8, 254.5) == 255)
    #expect(bits(.uint8, 1e300) == 255)
    #expect(bits(.uint8, -1) == 0)
    #expect(bits(.uint8, .nan) == 0)
    #expect(bits(.int8, -1) == 0xFF)
    #expect(bits(.int8, -1e9) == 0x80)
    #expect(bits(.int16, 1e9) == 0x7FFF)
    #expect(bits(.uint16, 65_535) == 0xFFFF)
    #expect(bits(.int32, -2) == 0xFFFF_FFFE)
    #expect(bits(.uint32, 0x1p32) == 0xFFFF_FFFF)
    #expect(bits(.int64, 0x1p63) == 0x7FFF_FFFF_FFFF_FFFF)
    #expect(bits(.int64, -.infinity) == 0x8000_0000_0000_0000)
    #expect(bits(.uint64, .infinity) == .max)
  }

  @Test func floatsRoundOnce() {
    #expect(bits(.float32, 0.1) == 0x3DCC_CCCD)
    #expect(bits(.float32, -0.0) == 0x8000_0000)
    #expect(bits(.float32, 1e39) == 0x7F80_0000)
    #expect(bits(.float64, 0.1) == 0x3FB9_9999_9999_999A)
  }

  static let halves: [(Double, UInt64)] = [
    (0, 0x0000), (-0.0, 0x8000), (1, 0x3C00), (-2, 0xC000), (0.1, 0x2E66), (65_504, 0x7BFF),
    (65_519.999, 0x7BFF), (65_520, 0x7C00), (1e300, 0x7C00), (-.infinity, 0xFC00), (.nan, 0x7E00),
    (0x1p-14, 0x0400), (0x1.ff8p-15, 0x03FF), (0x1.ffcp-15, 0x0400), (0x1p-24, 0x0001), (0x1p-25, 0x0000),
    (0x1.00001p-25, 0x0001), (0x1.8p-24, 0x0002), (Double.leastNonzeroMagnitude, 0x0000), (2049, 0x6800),
    (2051, 0x6802),
    // Rounded by way of float32 this would become 0x3C00.
    (0x1.0020000001p0, 0x3C01),
  ]

  @Test(arguments: halves) func half(_ value: Double, _ expected: UInt64) {
    #expect(bits(.float16, value) == expected)
  }

  static let bfloats: [(Double, UInt64)] = [
    (0, 0x0000), (-0.0, 0x8000), (1, 0x3F80), (-2, 0xC000), (0.1, 0x3DCD), (.pi, 0x4049),
    (0x1.fep127, 0x7F7F), (0x1.fefp127, 0x7F7F), (0x1.ffp127, 0x7F80), (1e300, 0x7F80), (.infinity, 0x7F80),
    (.nan, 0x7FC0), (0x1p-126, 0x0080), (0x1p-133, 0x0001), (0x1p-134, 0x0000), (0x1.8p-133, 0x0002),
    (0x1.01p0, 0x3F80), (0x1.03p0, 0x3F82), (0x1.0100000001p0, 0x3F81),
  ]

  @Test(arguments: bfloats) func bfloat(_ value: Double, _ expected: UInt64) {
    #expect(bits(.bfloat16, value) == expected)
  }

  /// Every bfloat is the upper half of a float, which gives an independent reference for all of them: the value
  /// itself, the middle between two neighbours (to even), and a hair off the middle.
  @Test func everyBfloat() {
    for pattern in UInt32(0)..<0x7F7F {
      let (low, high) = (
        Double(Float(bitPattern: pattern << 16)), Double(Float(bitPattern: (pattern + 1) << 16))
      )
      let middle = (low + high) / 2
      let (even, above) = (UInt64(pattern + (pattern & 1)), UInt64(pattern + 1))
      guard bits(.bfloat16, low) == UInt64(pattern), bits(.bfloat16, middle) == even,
        bits(.bfloat16, middle.nextUp) == above, bits(.bfloat16, middle.nextDown) == UInt64(pattern),
        bits(.bfloat16, -middle) == even | 0x8000
      else {
        Issue.record("bfloat \(String(pattern, radix: 16))")
        return
      }
    }
  }

  #if !(os(macOS) && arch(x86_64))
    /// Against the language's own type.
    @Test func everyHalf() {
      for pattern in UInt16(0)..<0x7BFF {
        let (low, high) = (Double(Float16(bitPattern: pattern)), Double(Float16(bitPattern: pattern + 1)))
        let middle = (low + high) / 2
        for value in [low, middle, middle.nextUp, middle.nextDown, -middle]
        where bits(.float16, value) != UInt64(Float16(value).bitPattern) {
          Issue.record("\(value) beside half \(String(pattern, radix: 16))")
          return
        }
      }
    }
  #endif
}
