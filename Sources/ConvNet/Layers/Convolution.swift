// 2-D convolution with a square window.

/// Cross-correlation as in PyTorch's `Conv2d`: `[N, I, H, W]` to `[N, O, H', W']`.
struct Convolution: Layer {
  let name: String
  let window: Window
  let weight: ParameterReference
  let bias: ParameterReference?

  init(
    _ name: String, from inputs: Int, to outputs: Int, window: Window, bias: Bool, gain: Double = Gain.relu,
    in store: ParameterStore
  ) {
    self.name = name
    self.window = window
    weight = store.parameter(
      "\(name).weight", [outputs, inputs, window.size, window.size], .weight,
      .heNormal(fanIn: inputs * window.size * window.size, gain: gain))
    self.bias = bias ? store.parameter("\(name).bias", [outputs], .bias, .constant(0)) : nil
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let weight = try program.parameters.values(weight, on: device)
    let bias = try bias.map { try program.parameters.values($0, on: device) }
    let output = try device.convolution(
      input, weight: weight, bias: bias, window: window, layer: name, on: program)
    return Recorded(output: output) { gradient in
      try device.convolutionParameterGradients(
        gradient, input: input, weight: program.parameters.gradient(self.weight, on: device),
        bias: self.bias.map { try program.parameters.gradient($0, on: device) }, window: window,
        layer: name, on: program)
      guard needsInputGradient else { return gradient }
      return try device.convolutionInputGradient(
        gradient, input: input, weight: weight, window: window, layer: name, on: program)
    }
  }
}
