// What a layer is: a recipe that records its forward pass and hands back the recipe of its backward pass.

/// A layer's mark on a program: the output, and how to record the way back.
struct Recorded {
  let output: Tensor
  /// Takes the gradient of the output, which the layer then owns and may overwrite; records the gradients of
  /// the layer's parameters, and returns the gradient of the input. Never called in inference mode.
  let backward: (_ gradient: Tensor) throws -> Tensor
}

/// All layers have this shape. A layer declares its parameters when it is made, holds no memory and no state
/// of a batch, and can be recorded on any number of programs.
///
/// Elementwise layers work in place: they overwrite their input, so an input has one consumer. The residual
/// block is the exception and takes care of it itself. A layer may keep its input for its backward pass, but
/// not its output, unless what elementwise layers do to it cannot matter. Large inputs it asks `Program.again` for, which
/// makes again what the layer before need not keep.
protocol Layer {
  /// - Parameter needsInputGradient: false from the network's first layer to its first parameters, where nobody
  ///   wants it; `backward` then returns the gradient it was given.
  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded
  /// Whether gradients have to come back this far even where nobody wants the input's.
  var hasParameters: Bool { get }
}

extension Layer {
  /// Layers without parameters that may come first say so and spare the next one its input's gradient.
  var hasParameters: Bool { true }
}

/// Layers one after the other.
struct Sequential: Layer {
  let layers: [any Layer]

  init(_ layers: [any Layer]) { self.layers = layers }

  func record(_ input: Tensor, needsInputGradient: Bool, on program: Program) throws -> Recorded {
    var output = input
    var steps: [Recorded] = []
    var needsGradient = needsInputGradient
    for layer in layers {
      let step = try layer.record(output, needsInputGradient: needsGradient, on: program)
      needsGradient = needsGradient || layer.hasParameters
      output = step.output
      steps.append(step)
    }
    return Recorded(output: output) { gradient in
      try steps.reversed().reduce(gradient) { try $1.backward($0) }
    }
  }
}
