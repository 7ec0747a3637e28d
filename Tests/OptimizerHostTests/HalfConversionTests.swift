// Conversions between 32-bit floats and those of 16 bits: every one of the latter, and what lies between them.

import COptimizerHost
import Testing

@testable import OptimizerHost

@Suite struct HalfConversionTests {
  /// Sign, exponent and fraction of a float of 16 bits, in double; nil for what is not a number.
  private static func value(_ bits: UInt16, exponentBits: Int) -> Double? {
    let fractionBits = 15 - exponentBits
    let exponent = Int(bits >> UInt16(fractionBits)) & (1 << exponentBits - 1)
    let fraction = Double(bits & (1 << UInt16(fractionBits) - 1)) / Double(1 << fractionBits)
    let bias = 1 << (exponentBits - 1) - 1
    let magnitude: Double
    switch exponent {
    case 1 << exponentBits - 1:
      guard fraction == 0 else { return nil }
      magnitude = .infinity
    case 0: magnitude = Double(sign: .plus, exponent: 1 - bias, significand: 1) * fraction
    default: magnitude = Double(sign: .plus, exponent: exponent - bias, significand: 1) * (1 + fraction)
    }
    return bits >> 15 == 0 ? magnitude : -magnitude
  }

  private static func narrow(_ floats: [Float], _ dtype: DType) -> [UInt16] {
    var halves = [UInt16](repeating: 0, count: floats.count)
    if dtype == .bfloat16 {
      optimizer_host_to_bfloat16(floats, &halves, floats.count)
    } else {
      optimizer_host_to_float16(floats, &halves, floats.count)
    }
    return halves
  }

  private static let all = (0...65_535).map { UInt16($0) }

  @Test(arguments: [(DType.bfloat16, 8), (.float16, 5)]) func everyOneOfThem(
    _ dtype: DType, exponentBits: Int
  ) {
    let all = Self.all
    var floats = [Float](repeating: 0, count: all.count)
    dtype.widen(all, to: &floats, count: all.count)
    var (wrong, notNumbers) = (0, 0)
    for (bits, float) in zip(all, floats) {
      if let value = Self.value(bits, exponentBits: exponentBits) {
        // Zeros compare equal, so their signs are looked at too.
        if Double(float) != value || float.sign != (bits >> 15 == 0 ? .plus : .minus) { wrong += 1 }
      } else {
        notNumbers += 1
        if !float.isNaN || float.sign != (bits >> 15 == 0 ? .plus : .minus) { wrong += 1 }
      }
    }
    #expect(wrong == 0)
    #expect(notNumbers == 2 * (1 << (15 - exponentBits) - 1))
    // Back to the same bits; what is not a number stays so, made quiet.
    let quiet = UInt16(1) << UInt16(14 - exponentBits)
    for (bits, back) in zip(all, Self.narrow(floats, dtype)) {
      let expected = Self.value(bits, exponentBits: exponentBits) == nil ? bits | quiet : bits
      guard back == expected else {
        Issue.record("\(String(bits, radix: 16)) comes back as \(String(back, radix: 16))")
        return
      }
    }
  }

  /// The middle of two neighbours rounds to the even one, and a hair beside it to the nearer.
  @Test(arguments: [(DType.bfloat16, 8), (.float16, 5)]) func toNearestEven(_ dtype: DType, exponentBits: Int)
  {
    let infinity = UInt16(1 << exponentBits - 1) << UInt16(15 - exponentBits)
    var (floats, expected): ([Float], [UInt16]) = ([], [])
    for bits in 0..<infinity {
      let low = Self.value(bits, exponentBits: exponentBits) ?? 0
      // The step beyond the greatest number is as long as the one before it.
      let next =
        bits + 1 == infinity ? low + (low - (Self.value(bits - 1, exponentBits: exponentBits) ?? 0)) : nil
      let high = next ?? Self.value(bits + 1, exponentBits: exponentBits) ?? 0
      let middle = Float((low + high) / 2)
      for (float, result) in [(middle, bits + bits % 2), (middle.nextDown, bits), (middle.nextUp, bits + 1)] {
        floats += [float, -float]
        expected += [result, result | 0x8000]
      }
    }
    let made = Self.narrow(floats, dtype)
    #expect(zip(made, expected).filter { $0 != $1 }.count == 0)
    let extremes: [Float] = [
      .infinity, -.infinity, .nan, -.nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
    ]
    let found = Self.narrow(extremes, dtype)
    #expect(found[0] == infinity && found[1] == infinity | 0x8000)
    #expect(found[2] & 0x7FFF > infinity && found[3] & 0x7FFF > infinity)
    #expect(found[4] == infinity && found[5] == 0)
    // Of what is not a number, the part that is kept may be zero; it must not become an infinity.
    #expect(Self.narrow([Float(bitPattern: 0x7F80_0001)], dtype)[0] & 0x7FFF > infinity)
  }
}
