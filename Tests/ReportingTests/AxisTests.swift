// Ranges and round numbers of an axis.

import Testing

@testable import Reporting

@Suite struct AxisTests {
  @Test func ticksAreRoundAndWithin() {
    #expect(Axis(from: 0, to: 10).ticks(about: 5) == [0, 2, 4, 6, 8, 10])
    #expect(Axis(from: 0, to: 1).ticks(about: 4) == [0, 0.5, 1])
    #expect(Axis(from: -3, to: 3).ticks(about: 3) == [-2, 0, 2])
    #expect(Axis(from: 0, to: 3).ticks(about: 10, wholeNumbers: true) == [0, 1, 2, 3])
    #expect(Axis(from: 100, to: 900).ticks(about: 4) == [200, 400, 600, 800])
  }

  @Test func textsTellTicksApart() {
    #expect(Axis.texts([0, 0.5, 1], unit: .plain) == ["0.0", "0.5", "1.0"])
    #expect(Axis.texts([0, 0.5, 1], unit: .percent) == ["0 %", "50 %", "100 %"])
    #expect(Axis.texts([0.97, 0.975, 0.98], unit: .percent) == ["97.0 %", "97.5 %", "98.0 %"])
    #expect(Axis.texts([0, 2.5e-4, 5e-4], unit: .plain) == ["0", "2.5e-4", "5e-4"])
    #expect(Axis.texts([1, 2, 3], unit: .plain) == ["1", "2", "3"])
    #expect(Axis.texts([0, 0.1, 0.2], unit: .plain) == ["0.0", "0.1", "0.2"])
    #expect(Axis.texts([0, 1000, 2000], unit: .plain) == ["0", "1000", "2000"])
  }

  @Test func rangesHaveAMarginButKeepToTheirLimits() {
    #expect(Axis(covering: [0.5, 1.0], within: 0...1).range == 0.48...1.0)
    #expect(Axis(covering: [0.01, 2]).range.lowerBound == 0, "no negative loss")
    #expect(Axis(covering: [3, 3]).range == 2.7...3.3)
    #expect(Axis(covering: [0.5, 0.5], within: 0...1).range.contains(0.5))
    #expect(Axis(covering: []).span > 0)
    #expect(Axis(covering: [.nan, .infinity, 1, 2]).range.upperBound == 2.04)
  }
}
