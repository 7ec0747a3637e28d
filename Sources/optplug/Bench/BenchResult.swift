// What bench found, as a table and as JSON.

import Terminal

/// Seconds of a step in several rounds.
struct Spread: Encodable {
  let median, lowerQuartile, upperQuartile: Double

  init(_ times: [Double]) {
    let sorted = times.sorted()
    func quantile(_ share: Double) -> Double { sorted[Int((Double(sorted.count - 1) * share).rounded())] }
    (median, lowerQuartile, upperQuartile) = (quantile(0.5), quantile(0.25), quantile(0.75))
  }
}

struct BenchResult: Encodable {
  private let optimizer: String
  private let parameters, threads, rounds: Int
  private let bytesPerStep: Int
  private let secondsPerStep: Spread
  private let gigabytesPerSecond: Double
  private let limitBytesPerStep: Int
  private let limitSecondsPerStep: Spread
  private let limitGigabytesPerSecond: Double
  /// Of the limit's speed.
  private let share: Double

  init(
    expression: String, elements: Int, threads: Int, bytes: Int, times: Spread, limitBytes: Int,
    limit: Spread,
    rounds: Int
  ) {
    optimizer = expression
    (parameters, self.threads, self.rounds) = (elements, threads, rounds)
    (bytesPerStep, secondsPerStep) = (bytes, times)
    gigabytesPerSecond = Double(bytes) / times.median / 1e9
    (limitBytesPerStep, limitSecondsPerStep) = (limitBytes, limit)
    limitGigabytesPerSecond = Double(limitBytes) / limit.median / 1e9
    share = gigabytesPerSecond / limitGigabytesPerSecond
  }

  var text: String {
    Format.table([
      ("optimizer", optimizer),
      (
        "parameters",
        "\(Format.count(parameters)) of float32, \(threads) \(threads == 1 ? "thread" : "threads")"
      ),
      ("time of a step", time(secondsPerStep)),
      (
        "moves",
        "\(Format.shortDecimal(Double(bytesPerStep) / Double(parameters))) bytes per element, "
          + "\(Format.decimal(gigabytesPerSecond, 1)) GB/s"
      ),
      (
        "memory limit",
        "\(Format.decimal(limitGigabytesPerSecond, 1)) GB/s, moving "
          + "\(Format.shortDecimal(Double(limitBytesPerStep) / Double(parameters))) bytes per element in "
          + time(limitSecondsPerStep)
      ), ("share of the limit", Format.decimal(share * 100, 0) + " %"),
    ])
  }

  /// The median and the middle half of the rounds.
  private func time(_ spread: Spread) -> String {
    let (unit, scale) = spread.median < 1e-3 ? ("µs", 1e6) : ("ms", 1e3)
    func number(_ seconds: Double) -> String { Format.decimal(seconds * scale, 3) }
    return
      "\(number(spread.median)) \(unit) (\(number(spread.lowerQuartile)) to \(number(spread.upperQuartile)))"
  }
}
