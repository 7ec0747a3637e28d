// ReLU6 in place, and the smooth activation functions.

/// `min(max(x, 0), 6)` in place (Krizhevsky 2010, "Convolutional Deep Belief Networks on CIFAR-10"). The output at a
/// bound tells the backward pass, so what follows must not change values in place. At the bounds the derivative is
/// 0, as in PyTorch.
struct ReLU6: Layer {
  static let limit: Float = 6
  let name: String

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    program.describe(name, "ReLU6", input)
    device.clamp(input, limit: Self.limit, on: program)
    return Recorded(output: input) { gradient in
      let gradient = try device.aligned(gradient, with: input, layer: name, on: program)
      device.clampBackward(gradient, output: input, limit: Self.limit, on: program)
      return gradient
    }
  }
}

/// GELU, SiLU or the logistic function, to a new tensor: the derivative needs the input. So only the input is kept; the
/// output is made again where a layer behind wants it in its backward pass, and the derivative on the way.
struct Activation: Layer {
  let name: String
  let function: SmoothFunction

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let output = device.activation(input, function, on: program)
    program.describe(name, function.rawValue, output)
    let derivative = Derivative()
    program.remember(output) { program in
      derivative.isThere = true
      return device.activationAgain(input, function, on: program)
    }
    return Recorded(output: output) { gradient in
      let gradient = try device.aligned(gradient, with: input, layer: name, on: program)
      if derivative.isThere {
        device.multiply(gradient, input, on: program)
      } else {
        device.activationBackward(gradient, input: input, function, on: program)
      }
      return gradient
    }
  }

  /// Whether the derivative has taken the input's place.
  private final class Derivative {
    var isThere = false
  }
}
