// What bench says of a step: the right bytes, and times that make sense.

import Foundation
import TestSupport
import Testing

@Suite struct BenchTests {
  private let program: Program

  init() throws { program = try Program("optplug") }

  private func bench(_ arguments: String...) throws -> [String: Any] {
    let outcome = try program.start(["bench", "--json", "--threads", "1"] + arguments).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  /// Parameters read and written, gradients read, each slot read and written; four bytes each.
  @Test(arguments: [("sgd", 12), ("sgd(momentum=0.9)", 20), ("adam", 28), ("lookahead(adam)", 36)])
  func bytes(_ expression: String, perElement: Int) throws {
    let count = 16_384
    let result = try bench(expression, "--params", "\(count)")
    #expect(result["bytes_per_step"] as? Int == perElement * count)
    #expect(result["limit_bytes_per_step"] as? Int == perElement * count)
    let times = try ["seconds_per_step", "limit_seconds_per_step"].map {
      try #require(result[$0] as? [String: Double])
    }
    for time in times {
      let quartiles = ["lower_quartile", "median", "upper_quartile"].compactMap { time[$0] }
      #expect(quartiles.count == 3 && quartiles == quartiles.sorted() && quartiles[0] > 0)
    }
    let speed = try #require(result["gigabytes_per_second"] as? Double)
    let expected = Double(perElement * count) / (times[0]["median"] ?? 0) / 1e9
    #expect(abs(speed / expected - 1) < 1e-9)
  }

  @Test func textNamesWhatWasMeasured() throws {
    let text = try program.run("bench", "adam", "--params", "1000000", "--threads", "2").output
    for part in ["adam(lr=0.001", "1,000,000 of float32, 2 threads", "28 bytes per element", "memory limit"] {
      #expect(text.contains(part), "\(text)")
    }
  }
}
