// Dropout with masks from a counter-based generator that compilers turn into vector code.

extension OneDNNDevice {
  func dropout(_ input: Tensor, rate: Float, number: UInt64, on program: Program) {
    let step = program.step
    let threshold = UInt32(min(Double(rate) * 0x1p32, Double(UInt32.max)))
    let scale = 1 / (1 - rate)
    let loop = overElements(input) { range in
      let key = RandomStream(seed: step.dropoutKey, stream: number).bits(0)
      let mask = DropoutMask(key: key, threshold: threshold)
      let values = input.floats
      for index in range {
        // A select and not a product: a dropped infinity has to be zero and not NaN.
        values[index] = mask.drops(UInt32(truncatingIfNeeded: index)) ? 0 : values[index] * scale
      }
    }
    program.emit("dropout", changing: input, loop)
  }
}

/// Which elements one layer drops at one step.
struct DropoutMask {
  private let first: UInt32
  private let second: UInt32
  /// Drops with probability `threshold / 2^32`.
  let threshold: UInt32

  init(key: UInt64, threshold: UInt32) {
    first = UInt32(truncatingIfNeeded: key)
    second = UInt32(truncatingIfNeeded: key >> 32)
    self.threshold = threshold
  }

  /// Two rounds of a 32-bit finaliser (Wellons, https://github.com/skeeto/hash-prospector), each with half of
  /// the key: 32-bit products have vector instructions, 64-bit ones do not.
  @inline(__always)
  func drops(_ index: UInt32) -> Bool {
    Self.mix(Self.mix(index ^ first) &+ second) < threshold
  }

  @inline(__always)
  private static func mix(_ value: UInt32) -> UInt32 {
    var x = value
    x = (x ^ (x >> 16)) &* 0x21f0_aaad
    x = (x ^ (x >> 15)) &* 0x735a_2d97
    return x ^ (x >> 15)
  }
}
