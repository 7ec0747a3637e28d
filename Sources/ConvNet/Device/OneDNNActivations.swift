// Activation functions beyond ReLU, and scaling by image or channel.

extension OneDNNDevice {
  func clamp(_ input: Tensor, limit: Float, on program: Program) {
    let loop = overElements(input) { range in
      let values = input.floats
      for index in range {
        let value = values[index]
        // Comparisons in this order let NaN pass, as in PyTorch.
        values[index] = value < 0 ? 0 : (value > limit ? limit : value)
      }
    }
    program.emit("clamp", changing: input, loop)
  }

  func clampBackward(_ gradient: Tensor, output: Tensor, limit: Float, on program: Program) {
    let loop = overElements(gradient) { range in
      let (values, outputs) = (gradient.floats, output.floats)
      for index in range {
        let value = outputs[index]
        values[index] = value <= 0 ? 0 : (value >= limit ? 0 : values[index])
      }
    }
    program.emit("clamp gradient", changing: gradient, with: [output], loop)
  }

  func activation(_ input: Tensor, _ function: SmoothFunction, on program: Program) -> Tensor {
    let output = program.tensor(input.shape, input.layout)
    let loop = overElements(input) { function.apply(over: $0, input.floats, output.floats) }
    program.emit("activation", [input, output], loop)
    return output
  }

  func activationBackward(
    _ gradient: Tensor, input: Tensor, _ function: SmoothFunction, on program: Program
  ) {
    let loop = overElements(gradient) {
      function.multiplyByDerivative(over: $0, gradient.floats, input.floats)
    }
    program.emit("activation gradient", changing: gradient, with: [input], loop)
  }

  func activationAgain(_ input: Tensor, _ function: SmoothFunction, on program: Program) -> Tensor {
    let output = program.tensor(input.shape, input.layout)
    let loop = overElements(input) {
      function.applyLeavingDerivative(over: $0, input.floats, output.floats)
    }
    program.emit("activation again", changing: input, with: [output], loop)
    return output
  }

  func multiply(_ input: Tensor, _ other: Tensor, on program: Program) {
    let loop = overElements(input) { range in
      let (values, others) = (input.floats, other.floats)
      for index in range { values[index] *= others[index] }
    }
    program.emit("multiply", changing: input, with: [other], loop)
  }

  func dropImages(_ input: Tensor, rate: Float, number: UInt64, on program: Program) -> Tensor {
    let output = program.tensor(input.shape, input.layout)
    let images = input.shape[0]
    let size = input.byteCount / MemoryLayout<Float>.stride / images
    let step = program.step
    let threshold = UInt32(min(Double(rate) * 0x1p32, Double(UInt32.max)))
    let threads = threads
    let loop = LoopKernel {
      let mask = DropoutMask(
        key: RandomStream(seed: step.dropoutKey, stream: number).bits(0), threshold: threshold)
      threads.forRanges(images, cost: size) { range in
        for image in range {
          let (target, source) = (output.floats + image * size, input.floats + image * size)
          if mask.drops(UInt32(truncatingIfNeeded: image)) {
            target.update(repeating: 0, count: size)
          } else {
            let scale = 1 / (1 - rate)
            for index in 0..<size { target[index] = source[index] * scale }
          }
        }
      }
    }
    program.emit("stochastic depth", [input, output], loop)
    return output
  }
}
