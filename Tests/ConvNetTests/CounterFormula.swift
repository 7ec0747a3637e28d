// The numbers that the tests and scripts/fixtures/make_network_fixtures.py both make from a formula.

enum CounterFormula {
  /// SplitMix64's output stage on a counter; stream < 2^20, index < 2^40.
  static func bits(_ stream: Int, _ index: Int) -> UInt64 {
    var z = (UInt64(stream + 1) << 40 + UInt64(index)) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// Odd multiples of 2^-24 in (-1, 1): exact in `Float`.
  static func uniform(_ stream: Int, _ index: Int) -> Double {
    (Double(bits(stream, index) >> 40) * 2 + 1 - 0x1p24) * 0x1p-24
  }

  static func uniform(_ stream: Int, count: Int) -> [Double] { (0..<count).map { uniform(stream, $0) } }
}
