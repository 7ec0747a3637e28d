// The counter-based numbers and the digest of scripts/fixtures/make_optimizer_fixtures.py.

/// SplitMix64's output function (Steele, Lea, Flood 2014, https://doi.org/10.1145/2714064.2660195).
public func splitMix(_ x: UInt64) -> UInt64 {
  var z = x &+ 0x9E37_79B9_7F4A_7C15
  z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
  z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
  return z ^ (z >> 31)
}

/// Numbers in (-1, 1) of mixed magnitude; `stream` tells arrays apart.
public func mixedValues<T: BinaryFloatingPoint>(stream: Int, count: Int, as _: T.Type = T.self) -> [T] {
  (0..<count).map { i in
    let bits = splitMix(UInt64(i) &+ UInt64(stream) << 32)
    let mantissa = Double(bits >> 40) / 0x1p23 - 1
    return T(mantissa / Double(1 << (bits & 7)))
  }
}

/// The sum over all elements of the mixed place and bits.
public func digest<T: BitPatterned>(_ values: some Sequence<T>) -> String {
  var sum: UInt64 = 0
  for (i, value) in values.enumerated() { sum &+= splitMix(UInt64(i) << 32 ^ value.bits) }
  let text = String(sum, radix: 16)
  return String(repeating: "0", count: 16 - text.count) + text
}

/// A number whose bits can be compared.
public protocol BitPatterned: BinaryFloatingPoint {
  var bits: UInt64 { get }
}

extension Float: BitPatterned {
  public var bits: UInt64 { UInt64(bitPattern) }
}

extension Double: BitPatterned {
  public var bits: UInt64 { bitPattern }
}

/// θ - c for each run, with c uniform of mean 0 and variance 1.
public func noisyQuadraticGradients(_ weights: [Float], step: Int) -> [Float] {
  let scale = 2 * 3.0.squareRoot() / 0x1p53
  return weights.indices.map { i in
    let uniform = Double(splitMix(UInt64(i) &+ UInt64(step) << 32) >> 11) * scale - 3.0.squareRoot()
    return weights[i] - Float(uniform)
  }
}
