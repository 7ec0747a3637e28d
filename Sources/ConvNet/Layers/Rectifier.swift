// ReLU and LeakyReLU, in place.

/// `x < 0 ? slope * x : x`. Slope 0 is ReLU; LeakyReLU's common slope is 0.01 (Maas et al. 2013).
///
/// The sign of the output tells that of the input, so the backward pass needs the output only, and layers
/// behind this one may scale it (dropout) but not change signs. At 0 the derivative is the slope, as in PyTorch.
struct Rectifier: Layer {
  let name: String
  let slope: Float

  init(_ name: String, slope: Float = 0) {
    self.name = name
    self.slope = slope
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    device.rectify(input, slope: slope, on: program)
    program.describe(name, slope == 0 ? "ReLU" : "LeakyReLU", input)
    return Recorded(output: input) { gradient in
      let gradient = try device.aligned(gradient, with: input, layer: name, on: program)
      device.rectifyBackward(gradient, output: input, slope: slope, on: program)
      return gradient
    }
  }
}
