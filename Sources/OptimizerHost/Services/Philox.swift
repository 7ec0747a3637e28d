// Random numbers by counter: any number of a sequence without those before it.

/// Philox4x32-10: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3",
/// https://doi.org/10.1145/2063384.2063405. A block of four words is a function of a 128-bit counter and a 64-bit key.
struct Philox {
  private let key: SIMD2<UInt32>
  private let stream: SIMD2<UInt32>

  /// The sequence whose counters hold `stream` in their upper half.
  init(key: UInt64, stream: UInt64) {
    self.key = Self.split(key)
    self.stream = Self.split(stream)
  }

  /// The four words of a block.
  func block(_ number: UInt64) -> SIMD4<UInt32> {
    let low = Self.split(number)
    var (x, key) = (SIMD4(low[0], low[1], stream[0], stream[1]), key)
    for _ in 0..<10 {
      let a = UInt64(x[0]) * 0xD251_1F53
      let b = UInt64(x[2]) * 0xCD9E_8D57
      x = SIMD4(
        UInt32(b >> 32) ^ x[1] ^ key[0], UInt32(truncatingIfNeeded: b), UInt32(a >> 32) ^ x[3] ^ key[1],
        UInt32(truncatingIfNeeded: a))
      key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
    }
    return x
  }

  /// Writes words `first` to `first + count - 1` of the sequence.
  func fill(_ words: UnsafeMutablePointer<UInt32>, first: UInt64, count: Int) {
    var done = 0
    while done < count {
      let word = first &+ UInt64(done)
      let block = block(word / 4)
      for i in Int(word % 4)..<4 where done < count {
        words[done] = block[i]
        done += 1
      }
    }
  }

  private static func split(_ value: UInt64) -> SIMD2<UInt32> {
    SIMD2(UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32))
  }
}
