// 2-D convolution with a square window.

/// Cross-correlation as in PyTorch's `Conv2d`: `[N, I, H, W]` to `[N, O, H', W']`.
struct Convolution: Layer {
  let name: String
  let window: Window
  let weight: ParameterReference
  let bias: ParameterReference?
  /// The weight as the device takes it.
  private let shape: [Int]
  private var isDepthwise: Bool { shape.count == 5 }

  init(
    _ name: String, from inputs: Int, to outputs: Int, window: Window, bias: Bool, gain: Double = Gain.relu,
    start: Initialization? = nil, in store: ParameterStore
  ) {
    self.name = name
    self.window = window
    shape = [outputs, inputs, window.size, window.size]
    weight = store.parameter(
      "\(name).weight", shape, .weight,
      start ?? .heNormal(fanIn: inputs * window.size * window.size, gain: gain))
    self.bias = bias ? store.parameter("\(name).bias", [outputs], .bias, .constant(0)) : nil
  }

  /// Depthwise: a window for each channel, PyTorch's `Conv2d` with as many groups as channels.
  init(
    _ name: String, depthwise channels: Int, window: Window, bias: Bool, gain: Double = Gain.relu,
    start: Initialization? = nil, in store: ParameterStore
  ) {
    self.name = name
    self.window = window
    shape = [channels, 1, 1, window.size, window.size]
    weight = store.parameter(
      "\(name).weight", [channels, 1, window.size, window.size], .weight,
      start ?? .heNormal(fanIn: window.size * window.size, gain: gain))
    self.bias = bias ? store.parameter("\(name).bias", [channels], .bias, .constant(0)) : nil
  }

  /// Pointwise: PyTorch's `Linear` on the channels of each pixel, with its weight of `[O, I]`.
  init(
    _ name: String, pointwiseFrom inputs: Int, to outputs: Int, start: Initialization,
    in store: ParameterStore
  ) {
    self.name = name
    window = Window(size: 1, stride: 1)
    shape = [outputs, inputs, 1, 1]
    weight = store.parameter("\(name).weight", [outputs, inputs], .weight, start)
    bias = store.parameter("\(name).bias", [outputs], .bias, .constant(0))
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let weight = try program.parameters.values(weight, as: shape, on: device)
    let bias = try bias.map { try program.parameters.values($0, on: device) }
    let output = try device.convolution(
      input, weight: weight, bias: bias, window: window, layer: name, on: program)
    program.describe(
      name, (isDepthwise ? "depthwise " : "conv ") + window.description, output,
      [self.weight] + (self.bias.map { [$0] } ?? []),
      multiplyAdds: output.elementCount * shape.dropFirst().reduce(1, *))
    return Recorded(output: output) { gradient in
      let slopes = try program.parameters.gradient(self.weight, as: shape, on: device)
      let biasSlopes = try self.bias.map { try program.parameters.gradient($0, on: device) }
      let values = try program.again(input)
      if isDepthwise {
        try device.depthwiseParameterGradients(
          gradient, input: values, weight: slopes, bias: biasSlopes, window: window, layer: name, on: program)
      } else {
        try device.convolutionParameterGradients(
          gradient, input: values, weight: slopes, bias: biasSlopes, window: window, layer: name, on: program)
      }
      guard needsInputGradient else { return gradient }
      return try device.convolutionInputGradient(
        gradient, input: input, weight: weight, window: window, layer: name, on: program)
    }
  }
}
