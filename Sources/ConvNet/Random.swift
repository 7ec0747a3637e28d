// Counter-based random bits: any element of any stream without a state, so order and threads do not matter.

import Foundation

/// One stream of random bits, a pure function of its key and an index.
///
/// The mixing function is the output stage of SplitMix64 (Steele, Lea & Flood 2014,
/// https://doi.org/10.1145/2714064.2660195).
struct RandomStream {
  let key: UInt64

  init(seed: UInt64, stream: UInt64) {
    key = Self.mix(Self.mix(seed) &+ stream &* 0x9e37_79b9_7f4a_7c15)
  }

  /// 64 random bits for `index`.
  func bits(_ index: UInt64) -> UInt64 {
    Self.mix(key &+ (index &+ 1) &* 0x9e37_79b9_7f4a_7c15)
  }

  /// Uniform in (0, 1], 53 bits: never zero, so its logarithm is finite.
  func uniform(_ index: UInt64) -> Double {
    (Double(bits(index) >> 11) + 1) * 0x1p-53
  }

  /// Two independent standard normals, the pair number `index` of the stream (Box & Muller 1958,
  /// https://doi.org/10.1214/aoms/1177706645).
  func normals(_ index: UInt64) -> (Double, Double) {
    let radius = (-2 * log(uniform(2 * index))).squareRoot()
    let angle = 2 * Double.pi * uniform(2 * index + 1)
    return (radius * cos(angle), radius * sin(angle))
  }

  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
