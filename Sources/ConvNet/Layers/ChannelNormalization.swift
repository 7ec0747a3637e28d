// Layer normalisation over channels.

/// PyTorch's `LayerNorm` over the channels of each pixel (torchvision's `LayerNorm2d`), or over rows (Ba et al. 2016,
/// https://arxiv.org/abs/1607.06450): biased variance, eps 1e-6, scale and shift for each channel.
struct ChannelNormalization: Layer {
  static let epsilon: Float = 1e-6

  let name: String
  let scale: ParameterReference
  let shift: ParameterReference

  init(_ name: String, channels: Int, in store: ParameterStore) {
    self.name = name
    scale = store.parameter("\(name).weight", [channels], .norm, .constant(1))
    shift = store.parameter("\(name).bias", [channels], .norm, .constant(0))
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let store = program.parameters
    let affine = ScaleShift(
      scale: try store.values(scale, on: device), shift: try store.values(shift, on: device))
    let (output, state) = try device.channelNormalization(
      input, affine, epsilon: Self.epsilon, layer: name, on: program)
    program.describe(name, "layer norm", output, [scale, shift])
    program.remember(output) {
      device.channelNormalizationAgain(state, affine, layer: name, on: $0)
    }
    return Recorded(output: output) { gradient in
      try device.channelNormalizationBackward(
        gradient, state, affine,
        gradients: ScaleShift(
          scale: store.gradient(scale, on: device), shift: store.gradient(shift, on: device)),
        layer: name, on: program)
    }
  }
}
