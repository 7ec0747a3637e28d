// The dynamic 8-bit numbers of Dettmers et al.: 256 values between -1 or 0 and 1, dense near zero.

/// A map from bytes to numbers, ascending, and back to the byte of the nearest number.
///
/// Seven decades hold 1, 2, 4, …, 64 values each (twice as many without a sign): the middles of as many equal parts of
/// the decade, so that value j of n in decade i is 10^(i−6) · (0.1 + 0.9 · (j + ½)/n). Beside them there are 0 and 1;
/// with a sign, all but these two exist with both signs.
/// Source: Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization", sections 1.3 and 2.2 (dynamic tree and
/// dynamic quantization), https://arxiv.org/abs/2110.02861.
struct DynamicMap {
  /// The number of each byte.
  let values: UnsafePointer<Float>
  /// 257 bounds: byte k belongs to numbers above bound k, up to and with bound k + 1.
  private let bounds: UnsafePointer<Float>
  private let isSigned: Bool
  /// The byte of 0, and how many numbers are above it.
  private let zero, above: Float
  /// Values in the lowest decade.
  private let least: Float

  /// The memory is never freed: a process makes each of the two maps once.
  init(signed: Bool) {
    var positive: [Double] = []
    var divisor = 1e6
    for decade in 0..<7 {
      let count = (signed ? 1 : 2) << decade
      for j in 0..<count { positive.append((0.1 + 0.9 * (Double(j) + 0.5) / Double(count)) / divisor) }
      divisor /= 10
    }
    let negative = signed ? positive.count : 0
    let values = UnsafeMutablePointer<Float>.allocate(capacity: 256)
    values.initialize(repeating: 0, count: 256)
    for (i, value) in positive.enumerated() {
      if signed { values[negative - 1 - i] = Float(-value) }
      values[negative + 1 + i] = Float(value)
    }
    values[255] = 1
    let bounds = UnsafeMutablePointer<Float>.allocate(capacity: 257)
    for k in 1..<256 { (bounds + k).initialize(to: (values[k - 1] + values[k]) / 2) }
    // Without a sign only 0 becomes 0: Adam divides by the root of such numbers.
    if !signed { bounds[1] = 0 }
    (bounds + 0).initialize(to: -.infinity)
    (bounds + 256).initialize(to: .infinity)
    self.values = UnsafePointer(values)
    self.bounds = UnsafePointer(bounds)
    isSigned = signed
    zero = Float(negative)
    above = Float(255 - negative)
    least = signed ? 1 : 2
  }

  /// The byte of a number in -1...1, from 0 without a sign, or a neighbour of it, without branches and tables, so that a loop vectorises.
  ///
  /// Inside a decade the bytes are a linear function of the number. At the ends of decades, where the spacing changes,
  /// and by rounding, it may be one too high or too low.
  @inline(__always) func guess(_ x: Float) -> UInt32 {
    let a = x.magnitude
    let ends = SIMD8<Float>(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 1)
    var (count, slope) = (least, least * Float(1e6 / 0.9))
    for i in 0..<6 {
      let isAbove = a > ends[i]
      count = isAbove ? count + count : count
      slope = isAbove ? slope * 0.2 : slope
    }
    // A decade's part below 0.1 would hold a ninth of its values more; those of the decades below are there instead.
    let place = a * slope + (count * Float(8.0 / 9.0) - (least - 1))
    let whole = Self.nearestWhole((place > 0 ? (place < above ? place : above) : 0) - 0.5)
    let byte = isSigned && x < 0 ? zero - whole : zero + whole
    return ((byte > 0 ? byte : 0) + Self.shift).bitPattern & 0xFF
  }

  /// Adding 1.5 · 2²³ leaves the nearest whole number in the lowest bits; taking it away again gives its value.
  private static var shift: Float { 0x1.8p23 }
  @inline(__always) private static func nearestWhole(_ x: Float) -> Float { (x + shift) - shift }

  /// The byte of the number nearest to `x`, of two equally near the lower one; without a sign, the byte of the least
  /// positive number for what is between 0 and that.
  @inline(__always) func byte(_ x: Float, guess: UInt32) -> UInt8 {
    let k = Int(guess)
    return UInt8(truncatingIfNeeded: k + (x > bounds[k + 1] ? 1 : 0) - (x <= bounds[k] ? 1 : 0))
  }
}
