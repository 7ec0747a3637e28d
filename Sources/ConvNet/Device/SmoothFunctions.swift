// Exponential, normal distribution and logistic function as straight-line code that compilers vectorise.

/// `e^x` for x in -87...88, to 1.2e-7 relative; 0 below that, infinity from 88.4 on. NaN stays NaN.
///
/// x = n ln 2 + r (Cody & Waite 1980, "Software Manual for the Elementary Functions", chapter 6), then a polynomial of
/// degree 6 for e^r, a minimax fit of our own (3e-9 relative).
@inline(__always)
func exponential(_ x: Float) -> Float {
  // Adding 1.5 * 2^23 rounds to a whole number, whose bits are then the last of the sum's.
  let clamped = x < -87 ? -87 : (x > 89 ? 89 : x)
  let shifted = Float(0x1.8p23).addingProduct(clamped, 1.442_695_04)
  let n = shifted - 0x1.8p23
  let r = clamped.addingProduct(n, -0.693_359_375).addingProduct(n, 2.121_944_4e-4)
  var p = Float(0.001_381_460_93)
  p = Float(0.008_368_710_06).addingProduct(p, r)
  p = Float(0.041_668_388_99).addingProduct(p, r)
  p = Float(0.166_665_211_32).addingProduct(p, r)
  p = Float(0.499_999_940_4).addingProduct(p, r)
  p = Float(1).addingProduct(p, r)
  p = Float(1).addingProduct(p, r)
  let power = Float(bitPattern: (shifted.bitPattern &+ 127) << 23)
  return x < -87 ? 0 : p * power
}

/// The standard normal distribution at x: density, and probability below x, both to about 3e-7 relative for |x| < 3
/// and 1.2e-6 for |x| < 6 (where the exponent's own rounding shows).
///
/// For z = |x|/sqrt(2), erfc(z) = e^(-z^2) t P(2t - 1) with t = 1/(1 + 0.45 z): the form of Abramowitz & Stegun
/// (1964, 7.1.26) with a polynomial of degree 9 in place of their 5, a minimax fit of our own (3e-8 relative). Unlike
/// an approximation of erf it keeps its relative precision where the probability is small.
@inline(__always)
func normalDistribution(_ x: Float) -> (density: Float, probability: Float) {
  let bell = exponential(-0.5 * x * x)
  let t = 1 / Float(1).addingProduct(0.45 * 0.707_106_781, x < 0 ? -x : x)
  let s = Float(-1).addingProduct(2, t)
  var p = Float(-8.084_168_8e-5)
  p = Float(1.729_667_75e-5).addingProduct(p, s)
  p = Float(7.003_830_98e-4).addingProduct(p, s)
  p = Float(-1.473_301_38e-4).addingProduct(p, s)
  p = Float(-5.136_024_67e-3).addingProduct(p, s)
  p = Float(-2.856_694_39e-3).addingProduct(p, s)
  p = Float(4.213_929_55e-2).addingProduct(p, s)
  p = Float(0.162_789_106).addingProduct(p, s)
  p = Float(0.335_434_526).addingProduct(p, s)
  p = Float(0.467_140_287).addingProduct(p, s)
  let tail = 0.5 * t * p * bell
  return (0.398_942_280 * bell, x < 0 ? tail : 1 - tail)
}

/// Activation functions with curvature, whose derivative needs the input.
enum SmoothFunction: String {
  /// `x P(X < x)` for a standard normal X (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415), exact as PyTorch's
  /// default.
  case gelu = "GELU"
  /// `x / (1 + e^-x)` (Elfwing et al. 2018, https://arxiv.org/abs/1702.03118).
  case silu = "SiLU"
  /// `1 / (1 + e^-x)`.
  case logistic

  /// The function and its derivative. Callers that want one of them pay for that one.
  @inline(__always)
  func evaluate(_ x: Float) -> (value: Float, derivative: Float) {
    switch self {
    case .gelu:
      let (density, probability) = normalDistribution(x)
      let derivative = probability.addingProduct(x, density)
      // An infinity to the left meets a zero; the limit is 0.
      return (x < -14 ? 0 : x * probability, x < -14 ? 0 : x > 14 ? 1 : derivative)
    case .silu:
      // 1 - share without the difference, which would lose the digits of a small one.
      let power = exponential(-x)
      let share = 1 / (1 + power)
      let derivative = share * Float(1).addingProduct(x, power * share)
      return (x < -87 ? 0 : x * share, x < -87 ? 0 : x > 87 ? 1 : derivative)
    case .logistic:
      let power = exponential(-x)
      let share = 1 / (1 + power)
      return (share, x < -87 ? 0 : share * share * power)
    }
  }

  @inline(__always)
  func value(_ x: Float) -> Float { evaluate(x).value }

  @inline(__always)
  func derivative(_ x: Float) -> Float { evaluate(x).derivative }

  /// `results = f(values)` over a range; one loop for each function, so that each is vector code without a branch inside.
  func apply(
    over range: Range<Int>, _ values: UnsafePointer<Float>, _ results: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .gelu: for index in range { results[index] = Self.gelu.value(values[index]) }
    case .silu: for index in range { results[index] = Self.silu.value(values[index]) }
    case .logistic: for index in range { results[index] = Self.logistic.value(values[index]) }
    }
  }

  /// `slopes *= f'(values)` over a range.
  func multiplyByDerivative(
    over range: Range<Int>, _ slopes: UnsafeMutablePointer<Float>, _ values: UnsafePointer<Float>
  ) {
    switch self {
    case .gelu: for index in range { slopes[index] *= Self.gelu.derivative(values[index]) }
    case .silu: for index in range { slopes[index] *= Self.silu.derivative(values[index]) }
    case .logistic: for index in range { slopes[index] *= Self.logistic.derivative(values[index]) }
    }
  }

  /// `results = f(values)` and `values = f'(values)` over a range.
  func applyLeavingDerivative(
    over range: Range<Int>, _ values: UnsafeMutablePointer<Float>, _ results: UnsafeMutablePointer<Float>
  ) {
    switch self {
    case .gelu: for index in range { (results[index], values[index]) = Self.gelu.evaluate(values[index]) }
    case .silu: for index in range { (results[index], values[index]) = Self.silu.evaluate(values[index]) }
    case .logistic:
      for index in range { (results[index], values[index]) = Self.logistic.evaluate(values[index]) }
    }
  }
}
