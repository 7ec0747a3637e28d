// A branch beside the identity, and leaving it out by chance.

/// `branch(x) + x` (He et al. 2016, https://arxiv.org/abs/1512.03385). The branch keeps the shape, and the backward pass
/// of its last layer leaves the gradient it is given as it is.
struct Shortcut: Layer {
  let name: String
  let branch: Sequential

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let branch = try branch.record(input, needsInputGradient: needsInputGradient, on: program)
    let output = branch.output
    device.add(output, try device.aligned(input, with: output, layer: name, on: program), on: program)
    program.describe(name, "add", output)
    return Recorded(output: output) { gradient in
      let inputGradient = try branch.backward(gradient)
      guard needsInputGradient else { return inputGradient }
      device.add(
        inputGradient, try device.aligned(gradient, with: inputGradient, layer: name, on: program),
        on: program)
      return inputGradient
    }
  }
}

/// Zeroes each image's branch with probability `rate` and scales the others by `1 / (1 - rate)`, in training only (Huang et
/// al. 2016, https://arxiv.org/abs/1603.09382; torchvision's mode "row"). Leaves the gradient it is given as it is.
struct StochasticDepth: Layer {
  let name: String
  /// In [0, 1).
  let rate: Float

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    guard program.mode == .training, rate > 0 else { return Recorded(output: input) { $0 } }
    program.describe(name, "stochastic depth \(rate)", input)
    let number = program.nextDropoutLayer()
    let device = program.device
    return Recorded(output: device.dropImages(input, rate: rate, number: number, on: program)) { gradient in
      device.dropImages(gradient, rate: rate, number: number, on: program)
    }
  }
}
