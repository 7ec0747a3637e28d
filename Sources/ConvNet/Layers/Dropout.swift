// Dropout, in place, with a mask that is computed twice rather than stored.

/// Zeroes each element with probability `rate` and scales the rest by `1 / (1 - rate)`, in training only
/// (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html).
struct Dropout: Layer {
  let name: String
  /// In [0, 1).
  let rate: Float

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    guard program.mode == .training, rate > 0 else { return Recorded(output: input) { $0 } }
    program.describe(name, "dropout \(rate)", input)
    let number = program.nextDropoutLayer()
    let device = program.device
    device.dropout(input, rate: rate, number: number, on: program)
    return Recorded(output: input) { gradient in
      let gradient = try device.aligned(gradient, with: input, layer: name, on: program)
      device.dropout(gradient, rate: rate, number: number, on: program)
      return gradient
    }
  }
}
