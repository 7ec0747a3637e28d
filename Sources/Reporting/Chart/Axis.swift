// One axis of a chart: its range, and round numbers along it.

import Foundation

/// A range that begins and ends at or near round numbers.
struct Axis: Hashable, Sendable {
  let range: ClosedRange<Double>

  /// - Parameter limits: the axis does not leave these, however round a number beyond is.
  init(covering values: [Double], within limits: ClosedRange<Double>? = nil) {
    let finite = values.filter(\.isFinite)
    // Differences of the largest numbers overflow, and nobody measures those.
    let lowest = max(finite.min() ?? 0, -1e300)
    let highest = min(finite.max() ?? 1, 1e300)
    guard highest > lowest else {
      let margin = lowest == 0 ? 1 : abs(lowest) * 0.1
      range =
        max(lowest - margin, limits?.lowerBound ?? -1e301)...min(lowest + margin, limits?.upperBound ?? 1e301)
      return
    }
    let margin = (highest - lowest) * 0.04
    let low = lowest >= 0 && lowest - margin < 0 ? 0 : lowest - margin
    range = max(low, limits?.lowerBound ?? low)...min(highest + margin, limits?.upperBound ?? .infinity)
  }

  /// From the first value to the last, without a margin.
  init(from low: Double, to high: Double) {
    range = low...max(high, low + max(abs(low), 1) * 1e-9)
  }

  var span: Double { range.upperBound - range.lowerBound }

  /// 0 at the lower end, 1 at the upper; values beyond are drawn at the end.
  func share(_ value: Double) -> Double { min(1, max(0, (value - range.lowerBound) / span)) }

  /// Multiples of 1, 2 or 5 times a power of ten within the range: about `count`, but two at least.
  /// - Parameter wholeNumbers: nothing between them, and so perhaps fewer.
  func ticks(about count: Int, wholeNumbers: Bool = false) -> [Double] {
    let rough = span / Double(max(1, count))
    let power = pow(10, floor(log10(rough)))
    guard power > 0, power.isFinite else { return [range.lowerBound] }
    let steps = [10, 5, 2, 1, 0.5, 0.2, 0.1].map { $0 * power }
    let fitting = steps.lastIndex { $0 >= rough * 0.999 } ?? 0
    var result: [Double] = []
    for step in steps[fitting...] where result.count < 2 {
      if wholeNumbers, step < 1 { return result.isEmpty ? multiples(of: 1) : result }
      result = multiples(of: step)
    }
    return result
  }

  private func multiples(of step: Double) -> [Double] {
    let first = (range.lowerBound / step - 1e-9).rounded(.up)
    let last = (range.upperBound / step + 1e-9).rounded(.down)
    guard first <= last, last - first < 1000 else { return [] }
    // Adding zero turns a negative zero into one that shows no sign.
    return stride(from: first, through: last, by: 1).map { $0 * step + 0 }
  }

  /// Texts for ticks, with as many places as tell them apart.
  static func texts(_ ticks: [Double], unit: Chart.Unit) -> [String] {
    let factor = unit == .percent ? 100.0 : 1
    let values = ticks.map { $0 * factor }
    let step = zip(values.dropFirst(), values).map(-).min() ?? abs(values.first ?? 1)
    let largest = values.map(abs).max() ?? 0
    let end = unit == .percent ? " %" : ""
    if largest >= 1e6 || (largest > 0 && largest < 1e-3) {
      return values.map { $0 == 0 ? "0" : scientific($0) + end }
    }
    let places = step > 0 ? min(6, max(0, Int((-log10(step) - 1e-9).rounded(.up)))) : 0
    return values.map { String(format: "%.\(places)f", abs($0) < step / 1000 ? 0 : $0) + end }
  }

  /// Three digits at most: `2.5e-4`.
  private static func scientific(_ value: Double) -> String {
    let parts = String(format: "%.2e", value).split(separator: "e")
    guard parts.count == 2, let mantissa = Double(parts[0]), let exponent = Int(parts[1]) else {
      return "\(value)"
    }
    return String(format: "%g", mantissa) + "e\(exponent)"
  }
}
