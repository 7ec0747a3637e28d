// Zeros around an image.

/// PyTorch's `ZeroPad2d` to a given size: `[N, C, H, W]` to `[N, C, height, width]`, with the image in the middle (up and
/// left of it by half a pixel where the difference is odd).
struct ZeroPadding: Layer {
  let name: String
  /// Not below the input's.
  let height: Int
  let width: Int

  var hasParameters: Bool { false }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    let device = program.device
    let output = try device.padded(input, height: height, width: width, layer: name, on: program)
    program.describe(name, "zero padding", output)
    return Recorded(output: output) { gradient in
      guard needsInputGradient else { return gradient }
      return try device.cropped(
        gradient, height: input.shape[2], width: input.shape[3], layer: name, on: program)
    }
  }
}
