// The one random number generator: SplitMix64, with independent streams named by integers.

/// SplitMix64: a counter and a mixing function, so any stream can start anywhere at no cost, and its output
/// is the same on every machine.
///
/// Source: G. L. Steele, D. Lea, C. H. Flood, *Fast Splittable Pseudorandom Number Generators*, OOPSLA 2014,
/// <https://doi.org/10.1145/2660193.2660195>; constants as in S. Vigna's
/// <https://prng.di.unimi.it/splitmix64.c>. Passes BigCrush; period 2⁶⁴. Not for cryptography.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The stream of Vigna's reference code for this seed.
  public init(seed: UInt64) {
    state = seed
  }

  /// The stream named by `seed` and `path`, e.g. (split, image number): a pure function of its name, so
  /// things can be drawn in any order, or on any thread, and come out the same.
  ///
  /// Each element of the path is folded in through the mixing function: streams of neighbouring names share
  /// nothing.
  public init(seed: UInt64, stream path: UInt64...) {
    state = path.reduce(seed) { Self.mix($0 &+ Self.increment) ^ Self.mix($1 &+ Self.increment &* 3) }
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= Self.increment
    return Self.mix(state)
  }

  /// Uniform in [0, 1), a multiple of 2⁻⁵³.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// Uniform in `range`, by one multiplication and one addition.
  public mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// Uniform in 0..<bound, without bias.
  ///
  /// Source: D. Lemire, *Fast Random Integer Generation in an Interval*, 2019,
  /// <https://arxiv.org/abs/1805.10941>.
  /// - Precondition: `bound > 0`.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "a random number below \(bound) does not exist")
    let bound = UInt64(bound)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// Bell-shaped with mean 0 and deviation 1, always within ±3.47: the sum of four 16-bit uniforms
  /// (Irwin–Hall).
  ///
  /// Close enough to a normal distribution for jitter and noise, and made of additions and one
  /// multiplication only: a logarithm or a cosine would tie the result to one C library.
  public mutating func bell() -> Double {
    let bits = next()
    let sum = (bits & 0xFFFF) &+ (bits >> 16 & 0xFFFF) &+ (bits >> 32 & 0xFFFF) &+ (bits >> 48)
    // Each field is uniform on 0…65535: mean 32767.5, variance (65536² − 1)/12.
    return (Double(sum) - 131070.0) * (1.0 / 37837.227_237_206)
  }

  /// The numbers 0..<count in random order (Fisher–Yates).
  public mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, below(last + 1))
    }
    return order
  }

  private static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// First element of a stream's path: what the numbers are for, so that no two uses share a stream.
enum RandomPurpose {
  static let split: UInt64 = 1
  static let epochOrder: UInt64 = 2
  static let digit: UInt64 = 3
  static let augmentation: UInt64 = 4
  static let colourScene: UInt64 = 5
  static let testPart: UInt64 = 6
}
