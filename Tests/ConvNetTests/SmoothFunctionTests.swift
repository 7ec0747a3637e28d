// Exponential, normal distribution and activation functions against the C library in double precision.

import Foundation
import Testing

@testable import ConvNet

@Suite struct SmoothFunctionTests {
  private func range(_ bounds: ClosedRange<Double>) -> [Float] {
    (0...40_000).map {
      Float(bounds.lowerBound + (bounds.upperBound - bounds.lowerBound) * Double($0) / 40_000)
    }
  }

  @Test func exponentialIsGoodToRounding() {
    for x in range(-87...88) {
      let exact = exp(Double(x))
      #expect(abs(Double(exponential(x)) / exact - 1) < 2e-7, "\(x)")
    }
    #expect(exponential(-1000) == 0 && exponential(-.infinity) == 0)
    #expect(exponential(1000) == .infinity && exponential(.infinity) == .infinity)
    #expect(exponential(.nan).isNaN && exponential(0) == 1)
  }

  /// Relative, where the distribution is small too: an approximation of erf would lose all digits at -5.
  @Test func probabilitiesKeepTheirDigits() {
    for x in range(-6...6) {
      let exact = erfc(-Double(x) / 2.0.squareRoot()) / 2
      let (density, probability) = normalDistribution(x)
      #expect(abs(Double(probability) / exact - 1) < (abs(x) < 3 ? 5e-7 : 1.5e-6), "\(x)")
      let bell = exp(-Double(x) * Double(x) / 2) / (2 * Double.pi).squareRoot()
      #expect(abs(Double(density) / bell - 1) < 1.5e-6, "\(x)")
    }
  }

  @Test func functionsAndDerivativesAreRight() {
    var worst = (error: 0.0, place: "nowhere")
    for x in range(-20...20) {
      let z = Double(x)
      let share = logistic(z)
      let (density, probability) = (
        exp(-z * z / 2) / (2 * Double.pi).squareRoot(), erfc(-z / 2.0.squareRoot()) / 2
      )
      func expect(_ found: Float, _ exact: Double, _ name: String) {
        let error = abs(Double(found) - exact) / max(1, abs(exact))
        if !(error <= worst.error) { worst = (error, "\(name) at \(x)") }
      }
      expect(SmoothFunction.gelu.value(x), gelu(z), "gelu")
      expect(SmoothFunction.gelu.derivative(x), probability + z * density, "gelu'")
      expect(SmoothFunction.silu.value(x), silu(z), "silu")
      expect(SmoothFunction.silu.derivative(x), share * (1 + z * (1 - share)), "silu'")
      expect(SmoothFunction.logistic.value(x), share, "logistic")
      expect(SmoothFunction.logistic.derivative(x), share * (1 - share), "logistic'")
    }
    #expect(worst.error < 6e-7, "\(worst)")
  }

  @Test(arguments: [SmoothFunction.gelu, .silu, .logistic]) func limitsHold(_ function: SmoothFunction) {
    for x: Float in [1e4, 1e30, .infinity] {
      #expect(function.value(x) == (function == .logistic ? 1 : x))
      #expect(function.value(-x) == 0)
      #expect(function.derivative(x) == (function == .logistic ? 0 : 1))
      #expect(function.derivative(-x) == 0)
    }
    #expect(function.value(.nan).isNaN && function.derivative(.nan).isNaN)
  }
}
