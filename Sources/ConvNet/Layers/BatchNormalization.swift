// Batch normalisation over images, alone or with a ReLU after it in the same pass.

/// PyTorch's `BatchNorm2d`, and `BatchNorm1d` on rows (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167): momentum 0.1, eps 1e-5,
/// biased variance to normalise by, unbiased variance in `running_var`.
struct BatchNormalization: Layer {
  static let momentum: Float = 0.1
  static let epsilon: Float = 1e-5

  let name: String
  let relu: Bool
  let scale: ParameterReference
  let shift: ParameterReference
  let runningMean: ParameterReference
  let runningVariance: ParameterReference

  init(_ name: String, channels: Int, relu: Bool = false, in store: ParameterStore) {
    self.name = name
    self.relu = relu
    scale = store.parameter("\(name).weight", [channels], .norm, .constant(1))
    shift = store.parameter("\(name).bias", [channels], .norm, .constant(0))
    runningMean = store.buffer("\(name).running_mean", [channels], 0)
    runningVariance = store.buffer("\(name).running_var", [channels], 1)
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let store = program.parameters
    let affine = ScaleShift(
      scale: try store.values(scale, on: device), shift: try store.values(shift, on: device))
    let mean = try store.values(runningMean, on: device)
    let variance = try store.values(runningVariance, on: device)
    if program.mode == .inference {
      let output = try device.normalizationInference(
        input, affine, mean: mean, variance: variance, epsilon: Self.epsilon, layer: name, on: program)
      describe(output, on: program)
      if relu { device.rectify(output, slope: 0, on: program) }
      return Recorded(output: output) { $0 }
    }
    let values = input.elementCount / input.shape[1]
    guard values > 1 else { throw ConvNetError.singleValuePerChannel(layer: name) }
    let (output, state) = try device.normalization(
      input, affine, epsilon: Self.epsilon, relu: relu, layer: name, on: program)
    device.updateRunningStatistics(
      mean: mean, variance: variance, from: state, momentum: Self.momentum, values: values, on: program)
    describe(output, on: program)
    return Recorded(output: output) { gradient in
      try device.normalizationBackward(
        gradient, state, affine,
        gradients: ScaleShift(
          scale: store.gradient(scale, on: device), shift: store.gradient(shift, on: device)),
        epsilon: Self.epsilon, relu: relu, layer: name, on: program)
    }
  }

  private func describe(_ output: Tensor, on program: Program) {
    program.describe(name, relu ? "batch norm + ReLU" : "batch norm", output, [scale, shift])
  }
}
