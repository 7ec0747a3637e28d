// The generator against published values, and its distributions against their moments.

import Datasets
import Testing

@Suite struct SplitMix64Tests {
  /// Output of Vigna's splitmix64.c for the seeds 1234567 and 0.
  @Test func matchesTheReferenceCode() {
    var random = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(expected.map { _ in random.next() } == expected)
    var zero = SplitMix64(seed: 0)
    #expect(zero.next() == 0xE220_A839_7B1D_CDAF)
  }

  @Test func streamsDependOnSeedAndWholePath() {
    let names: [SplitMix64] = [
      SplitMix64(seed: 1, stream: 1, 2), SplitMix64(seed: 1, stream: 2, 1), SplitMix64(seed: 1, stream: 1),
      SplitMix64(seed: 2, stream: 1, 2), SplitMix64(seed: 1, stream: 1, 2, 0), SplitMix64(seed: 1),
    ]
    let first = names.map { name in
      var random = name
      return random.next()
    }
    #expect(Set(first).count == names.count)
    var again = SplitMix64(seed: 1, stream: 1, 2)
    #expect(again.next() == first[0])
  }

  @Test func neighbouringStreamsAreUncorrelated() {
    // Mean of the products of centred uniforms: deviation 1/(12·√n).
    let count = 20_000
    let sum = (0..<UInt64(count)).reduce(0.0) { sum, index in
      var a = SplitMix64(seed: 42, stream: 3, index)
      var b = SplitMix64(seed: 42, stream: 3, index + 1)
      return sum + (a.uniform() - 0.5) * (b.uniform() - 0.5)
    }
    #expect(abs(sum / Double(count)) < 4 / (12 * Double(count).squareRoot()))
  }

  @Test func uniformStaysInItsRangeAndFillsIt() {
    var random = SplitMix64(seed: 7)
    let values = (0..<10_000).map { _ in random.uniform(2...4) }
    #expect(values.allSatisfy { (2..<4).contains($0) })
    let mean = values.reduce(0, +) / 10_000
    // Deviation of the mean: 2/√12/100.
    #expect(abs(mean - 3) < 4 * 2 / 12.0.squareRoot() / 100)
  }

  @Test(arguments: [1, 2, 3, 10, 1000]) func belowIsEven(bound: Int) {
    var random = SplitMix64(seed: UInt64(bound))
    var counts = [Int](repeating: 0, count: bound)
    let draws = 100 * bound
    for _ in 0..<draws { counts[random.below(bound)] += 1 }
    // Chi-squared with `bound − 1` degrees of freedom, within 4.5 deviations.
    let statistic = counts.reduce(0.0) { $0 + Double(($1 - 100) * ($1 - 100)) / 100 }
    let freedom = Double(bound - 1)
    #expect(abs(statistic - freedom) <= 4.5 * (2 * freedom).squareRoot())
  }

  @Test func bellHasMeanZeroAndDeviationOne() {
    var random = SplitMix64(seed: 11)
    let count = 50_000
    let values = (0..<count).map { _ in random.bell() }
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
    #expect(abs(mean) < 4 / Double(count).squareRoot())
    #expect(abs(variance - 1) < 0.03)
    #expect(values.allSatisfy { abs($0) <= 3.47 })
  }

  @Test func permutationHoldsEachNumberOnce() {
    var random = SplitMix64(seed: 5)
    let order = random.permutation(1000)
    #expect(order.sorted() == Array(0..<1000))
    #expect(order != Array(0..<1000))
    #expect(random.permutation(0) == [])
    #expect(random.permutation(1) == [0])
  }
}
