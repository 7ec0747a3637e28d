// From images to rows.

/// `[N, C, H, W]` to `[N, C*H*W]`, channels outermost as in PyTorch.
struct Flatten: Layer {
  let name: String

  var hasParameters: Bool { false }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let output = try device.flatten(input, layer: name, on: program)
    program.describe(name, "flatten", output)
    return Recorded(output: output) { gradient in
      guard needsInputGradient else { return gradient }
      return try device.unflatten(gradient, like: input, layer: name, on: program)
    }
  }
}
