// The host's random numbers against the known answers of Random123, and as the ABI numbers them.

import COptPlug
import Testing

@testable import OptimizerHost

/// Known answers: `philox4x32 10` in tests/kat_vectors of Random123, https://github.com/DEShawResearch/random123.
@Suite struct PhiloxTests {
  static let known: [(counter: [UInt32], key: [UInt32], block: [UInt32])] = [
    ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    (
      [.max, .max, .max, .max], [.max, .max], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
    ),
    (
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
    ),
  ]

  private func joined(_ low: UInt32, _ high: UInt32) -> UInt64 { UInt64(high) << 32 | UInt64(low) }

  @Test(arguments: known) func knownAnswers(counter: [UInt32], key: [UInt32], block: [UInt32]) {
    let philox = Philox(key: joined(key[0], key[1]), stream: joined(counter[2], counter[3]))
    let made = philox.block(joined(counter[0], counter[1]))
    #expect((0..<4).map { made[$0] } == block)
  }

  /// Through the ABI: any run of words is a part of the same sequence, and nothing beyond it is written.
  @Test func anyPartOfTheSequence() throws {
    let table = try #require(hostInterface.pointee.get_extension?(hostInterface, OPTPLUG_EXTENSION_RANDOM))
      .assumingMemoryBound(to: optplug_random.self)
    func words(first: UInt64, count: Int) -> [UInt32] {
      var words = [UInt32](repeating: 7, count: count + 1)
      table.pointee.words(hostInterface, 0x299f_31d0_a409_3822, 5, first, UInt32(count), &words)
      #expect(words.last == 7)
      return words.dropLast()
    }
    let sequence = words(first: 0, count: 64)
    let philox = Philox(key: 0x299f_31d0_a409_3822, stream: 5)
    #expect(sequence == (0..<16).flatMap { number in (0..<4).map { philox.block(number)[$0] } })
    for first in 0..<9 {
      for count in 0...9 {
        #expect(words(first: UInt64(first), count: count) == Array(sequence[first..<(first + count)]))
      }
    }
    #expect(Set(sequence).count > 60)
    // Word 2³⁴ is the first of a block whose number has a 1 in its upper half.
    let late = philox.block(1 << 32)
    #expect(words(first: 1 << 34, count: 1) == [late[0]])
  }

  /// Uniform: the mean of 65,536 words lies within five standard errors of the middle.
  @Test func uniform() {
    let count = 1 << 16
    var words = [UInt32](repeating: 0, count: count)
    Philox(key: 1, stream: 2).fill(&words, first: 0, count: count)
    let mean = words.reduce(0.0) { $0 + Double($1) / 0x1p32 } / Double(count)
    #expect(abs(mean - 0.5) < 5 / (12 * Double(count)).squareRoot())
    for bit in 0..<32 {
      let ones = words.reduce(0) { $0 + Int($1 >> UInt32(bit) & 1) }
      #expect(abs(Double(ones) - Double(count) / 2) < 5 * Double(count).squareRoot() / 2, "bit \(bit)")
    }
  }
}
