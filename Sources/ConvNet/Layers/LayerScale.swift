// A learned factor for each channel.

/// `x * scale[c]` (Touvron et al. 2021, https://arxiv.org/abs/2103.17239), torchvision's `layer_scale`: starts small,
/// so that a deep residual network starts near the identity. Leaves the gradient it is given as it is.
struct LayerScale: Layer {
  let name: String
  let scale: ParameterReference
  private let channels: Int

  init(_ name: String, channels: Int, start: Float = 1e-6, in store: ParameterStore) {
    self.name = name
    self.channels = channels
    scale = store.parameter(name, [channels, 1, 1], .norm, .constant(start))
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let factors = try program.parameters.values(scale, as: [channels], on: device)
    let output = try device.scaled(input, by: factors, layer: name, on: program)
    program.describe(name, "layer scale", output, [scale])
    return Recorded(output: output) { gradient in
      try device.scaleGradient(
        gradient, input: input, to: program.parameters.gradient(scale, as: [channels], on: device),
        layer: name, on: program)
      return try device.scaled(gradient, by: factors, layer: name, on: program)
    }
  }
}
