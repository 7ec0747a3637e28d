// How parameters start: He's normal initialisation, normal numbers of a given deviation, and constants.

/// The start value of a parameter or buffer.
enum Initialization {
  /// Every element the same.
  case constant(Float)
  /// Normal with mean 0 and deviation `gain / sqrt(fanIn)`.
  ///
  /// He et al. 2015 (https://arxiv.org/abs/1502.01852), fan-in mode: the variance of activations is kept
  /// through the forward pass. `fanIn` counts the inputs of one output: input channels x kernel area.
  case heNormal(fanIn: Int, gain: Double)
  /// Normal with mean 0 and that deviation.
  case normal(deviation: Double)

  /// - Parameter team: shares the work; every number has its own place in the stream, so any team gives the same bits.
  func fill(_ values: UnsafeMutableBufferPointer<Float>, seed: UInt64, stream: Int, on team: Threads) {
    switch self {
    case .constant(let value):
      values.update(repeating: value)
    case .heNormal(let fanIn, let gain):
      let deviation = gain / Double(fanIn).squareRoot()
      Initialization.normal(deviation: deviation).fill(
        values, seed: seed, stream: stream, on: team)
    case .normal(let deviation):
      let random = RandomStream(seed: seed, stream: UInt64(stream))
      team.forRanges((values.count + 1) / 2, cost: 50) { pairs in
        for pair in pairs {
          let (even, odd) = random.normals(UInt64(pair))
          values[2 * pair] = Float(deviation * even)
          if 2 * pair + 1 < values.count { values[2 * pair + 1] = Float(deviation * odd) }
        }
      }
    }
  }

  /// Whether numbers have to be drawn.
  var isRandom: Bool {
    if case .constant = self { false } else { true }
  }
}

/// Gains that keep the variance through what follows a layer (He et al. 2015, section 2.2).
enum Gain {
  /// sqrt(2): a ReLU follows and passes half of the variance.
  static let relu = 2.0.squareRoot()
  /// 1: nothing follows (the layer that makes the logits).
  static let linear = 1.0
  /// sqrt(2 / (1 + slope^2)): a LeakyReLU follows.
  static func leakyReLU(slope: Float) -> Double {
    (2 / (1 + Double(slope) * Double(slope))).squareRoot()
  }
}
