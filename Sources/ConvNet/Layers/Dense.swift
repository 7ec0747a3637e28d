// Fully connected layer.

/// `y = x Wᵀ + b` as in PyTorch's `Linear`: `[N, I]` to `[N, O]`.
struct Dense: Layer {
  let name: String
  let weight: ParameterReference
  let bias: ParameterReference

  init(
    _ name: String, from inputs: Int, to outputs: Int, gain: Double = Gain.relu, in store: ParameterStore
  ) {
    self.name = name
    weight = store.parameter(
      "\(name).weight", [outputs, inputs], .weight, .heNormal(fanIn: inputs, gain: gain))
    bias = store.parameter("\(name).bias", [outputs], .bias, .constant(0))
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let weight = try program.parameters.values(weight, on: device)
    let output = try device.innerProduct(
      input, weight: weight, bias: program.parameters.values(bias, on: device), layer: name, on: program)
    return Recorded(output: output) { gradient in
      try device.innerProductParameterGradients(
        gradient, input: input, weight: program.parameters.gradient(self.weight, on: device),
        bias: program.parameters.gradient(bias, on: device), layer: name, on: program)
      guard needsInputGradient else { return gradient }
      return try device.innerProductInputGradient(
        gradient, input: input, weight: weight, layer: name, on: program)
    }
  }
}
