// Squeeze-and-excitation.

/// Each channel times a gate that the means of all channels decide (Hu et al. 2018, https://arxiv.org/abs/1709.01507):
/// `x * logistic(expand(silu(reduce(mean(x)))))`, as in EfficientNet. Parameters are named as in timm's
/// `SqueezeExcite`.
struct SqueezeExcitation: Layer {
  let name: String
  private let channels: Int
  private let gate: Sequential

  init(_ name: String, channels: Int, reduced: Int, in store: ParameterStore) {
    self.name = name
    self.channels = channels
    gate = Sequential([
      Dense("\(name).conv_reduce", from: channels, to: reduced, asWindow: true, in: store),
      Activation(name: "\(name).act1", function: .silu),
      Dense(
        "\(name).conv_expand", from: reduced, to: channels, gain: Gain.linear, asWindow: true, in: store),
      Activation(name: "\(name).gate", function: .logistic),
    ])
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let means = try device.globalAveragePool(input, layer: name, on: program)
    let gate = try gate.record(means, needsInputGradient: true, on: program)
    let output = try device.scaled(input, by: gate.output, layer: name, on: program)
    program.describe(name, "channel gate", output)
    return Recorded(output: output) { gradient in
      let slopes = try device.rows(means.shape, on: program)
      try device.scaleGradient(gradient, input: program.again(input), to: slopes, layer: name, on: program)
      let result = try device.scaled(gradient, by: gate.output, layer: name, on: program)
      let other = try device.globalAveragePoolBackward(
        gate.backward(slopes), input: input, layer: name, on: program)
      device.add(result, try device.aligned(other, with: result, layer: name, on: program), on: program)
      return result
    }
  }
}
