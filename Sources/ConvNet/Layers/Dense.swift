// Fully connected layer.

/// `y = x Wᵀ + b` as in PyTorch's `Linear`: `[N, I]` to `[N, O]`.
struct Dense: Layer {
  let name: String
  let weight: ParameterReference
  let bias: ParameterReference
  private let shape: [Int]

  /// - Parameter asWindow: declares the weight as a convolution's of one pixel, `[O, I, 1, 1]`.
  init(
    _ name: String, from inputs: Int, to outputs: Int, gain: Double = Gain.relu,
    start: Initialization? = nil, asWindow: Bool = false, in store: ParameterStore
  ) {
    self.name = name
    shape = [outputs, inputs]
    weight = store.parameter(
      "\(name).weight", asWindow ? shape + [1, 1] : shape, .weight,
      start ?? .heNormal(fanIn: inputs, gain: gain))
    bias = store.parameter("\(name).bias", [outputs], .bias, .constant(0))
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let weight = try program.parameters.values(weight, as: shape, on: device)
    let output = try device.innerProduct(
      input, weight: weight, bias: program.parameters.values(bias, on: device), layer: name, on: program)
    program.describe(
      name, "linear", output, [self.weight, bias], multiplyAdds: output.elementCount * shape[1])
    return Recorded(output: output) { gradient in
      try device.innerProductParameterGradients(
        gradient, input: input, weight: program.parameters.gradient(self.weight, as: shape, on: device),
        bias: program.parameters.gradient(bias, on: device), layer: name, on: program)
      guard needsInputGradient else { return gradient }
      return try device.innerProductInputGradient(
        gradient, input: input, weight: weight, layer: name, on: program)
    }
  }
}
