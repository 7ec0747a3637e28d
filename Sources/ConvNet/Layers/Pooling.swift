// Max-pooling and average pooling over windows, and the mean over the whole image.

/// PyTorch's `MaxPool2d`: `[N, C, H, W]` to `[N, C, H', W']`. The first of equal values takes the gradient.
struct MaxPooling: Layer {
  let name: String
  let window: Window

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let (output, choices) = try device.maxPool(input, window: window, layer: name, on: program)
    program.describe(name, "max-pool \(window.description)", output)
    return Recorded(output: output) { gradient in
      try device.maxPoolBackward(
        gradient, choices: choices, input: input, window: window, layer: name, on: program)
    }
  }
}

/// PyTorch's `AvgPool2d` with its defaults: `[N, C, H, W]` to `[N, C, H', W']`. Padding counts as zeros
/// (`count_include_pad`) and windows that do not fit are left out (no `ceil_mode`).
struct AveragePooling: Layer {
  let name: String
  let window: Window

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let output = try device.averagePool(input, window: window, layer: name, on: program)
    program.describe(name, "average-pool \(window.description)", output)
    return Recorded(output: output) { gradient in
      try device.averagePoolBackward(gradient, input: input, window: window, layer: name, on: program)
    }
  }
}

/// Mean over height and width: `[N, C, H, W]` to `[N, C]`.
struct GlobalAveragePooling: Layer {
  let name: String

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let output = try device.globalAveragePool(input, layer: name, on: program)
    program.describe(name, "mean over image", output)
    return Recorded(output: output) { gradient in
      try device.globalAveragePoolBackward(gradient, input: input, layer: name, on: program)
    }
  }
}
