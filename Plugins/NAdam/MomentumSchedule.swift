// The momentum of NAdam's steps and its product over all steps so far, without state.

import OptimizerKit

/// μᵢ = β₁ · (1 − ½ · 0.96^(i · decay)), which grows from β₁/2 to β₁ (Dozat 2016; Sutskever et al. 2013).
struct MomentumSchedule {
  let beta1, decay: Double

  /// Factors that are multiplied one by one, with the bits of a product kept from step to step.
  private static let exactFactors = 64
  /// A product below this is nothing beside 1, from which it is subtracted.
  private static let negligible = 0x1p-60

  /// μᵢ.
  func momentum(_ i: Int) -> Double { beta1 * (1 - 0.5 * power(0.96, Double(i) * decay)) }

  /// μ₁…μₜ, within 1e-15 of the true product, in a time that does not grow with t.
  ///
  /// Up to 64 steps the factors are multiplied. After that, with q = 0.96^decay, the logarithms' series are summed over
  /// i first, each a geometric sum (q-Pochhammer symbols, https://dlmf.nist.gov/17.2):
  /// ```
  /// ln ∏ (1 − ½qⁱ) = −Σₖ (½)ᵏ/k · Σᵢ qⁱᵏ = −Σₖ (q/2)ᵏ/k · (1 − qᵏᵗ)/(1 − qᵏ)
  /// ```
  /// Terms shrink at least by half, so 60 of them suffice. Where q is so near 1 that the quotient loses digits, the
  /// product is negligible.
  func product(_ t: Int) -> Double {
    // No factor before is greater than μₜ.
    if power(momentum(t), Double(t)) < Self.negligible { return 0 }
    guard t > Self.exactFactors else {
      var product = 1.0
      for i in 1...max(1, t) { product *= momentum(i) }
      return product
    }
    let q = power(0.96, decay)
    var (logarithm, half) = (0.0, 1.0)
    for k in 1...60 {
      half *= 0.5
      let (qk, qkt) = (power(q, Double(k)), power(q, Double(k) * Double(t)))
      logarithm -= half * qk / Double(k) * (1 - qkt) / (1 - qk)
    }
    // e^x as 2^(x · log₂e).
    return power(beta1, Double(t)) * power(2, logarithm * 1.4426950408889634)
  }
}
