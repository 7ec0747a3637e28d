// The basic block of residual networks.

/// `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))` with 3x3 convolutions; the shortcut is the identity,
/// or a strided 1x1 convolution and a norm where the shape changes (He et al. 2016, option B,
/// https://arxiv.org/abs/1512.03385). Parameters are named as in torchvision's `BasicBlock`.
struct ResidualBlock: Layer {
  let name: String
  let branch: Sequential
  let shortcut: Sequential?

  init(_ name: String, from inputs: Int, to outputs: Int, stride: Int, in store: ParameterStore) {
    self.name = name
    func convolution(_ part: String, from inputs: Int, size: Int, stride: Int) -> Convolution {
      Convolution(
        "\(name).\(part)", from: inputs, to: outputs,
        window: Window(size: size, stride: stride, padding: size / 2), bias: false, in: store)
    }
    func normalization(_ part: String, relu: Bool) -> BatchNormalization {
      BatchNormalization("\(name).\(part)", channels: outputs, relu: relu, in: store)
    }
    branch = Sequential([
      convolution("conv1", from: inputs, size: 3, stride: stride), normalization("bn1", relu: true),
      convolution("conv2", from: outputs, size: 3, stride: 1), normalization("bn2", relu: false),
    ])
    shortcut =
      stride == 1 && inputs == outputs
      ? nil
      : Sequential([
        convolution("downsample.0", from: inputs, size: 1, stride: stride),
        normalization("downsample.1", relu: false),
      ])
  }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let branch = try branch.record(input, needsInputGradient: needsInputGradient, on: program)
    let shortcut = try shortcut?.record(input, needsInputGradient: needsInputGradient, on: program)
    let output = branch.output
    let other = try device.aligned(shortcut?.output ?? input, with: output, layer: name, on: program)
    device.addRectify(output, other, on: program)
    program.describe(name, "add + ReLU", output)
    return Recorded(output: output) { gradient in
      let gradient = try device.aligned(gradient, with: output, layer: name, on: program)
      device.rectifyBackward(gradient, output: output, slope: 0, on: program)
      // Both paths read this gradient: their last layers are norms, whose backward pass leaves it as it is.
      let inputGradient = try branch.backward(gradient)
      let other = try shortcut?.backward(gradient) ?? gradient
      guard needsInputGradient else { return inputGradient }
      device.add(
        inputGradient, try device.aligned(other, with: inputGradient, layer: name, on: program), on: program)
      return inputGradient
    }
  }
}
