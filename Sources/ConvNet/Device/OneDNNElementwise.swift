// Elementwise loops over activations, in place; layouts do not matter, as both sides have the same one.

import COneDNN

extension OneDNNDevice {
  func rectify(_ input: Tensor, slope: Float, on program: Program) {
    // Negative values only: NaN passes, as in PyTorch, so that divergence stays visible.
    let loop = overElements(input) { range in
      let values = input.floats
      for index in range {
        let value = values[index]
        values[index] = value < 0 ? value * slope : value
      }
    }
    program.emit("rectify", changing: input, loop)
  }

  func rectifyBackward(_ gradient: Tensor, output: Tensor, slope: Float, on program: Program) {
    let loop = overElements(gradient) { range in
      let (values, outputs) = (gradient.floats, output.floats)
      for index in range {
        let value = values[index]
        values[index] = outputs[index] <= 0 ? value * slope : value
      }
    }
    program.emit("rectify gradient", changing: gradient, with: [output], loop)
  }

  func addRectify(_ input: Tensor, _ other: Tensor, on program: Program) {
    let loop = overElements(input) { range in
      let (values, others) = (input.floats, other.floats)
      for index in range {
        let sum = values[index] + others[index]
        values[index] = sum < 0 ? 0 : sum
      }
    }
    program.emit("add and rectify", changing: input, with: [other], loop)
  }

  func add(_ input: Tensor, _ other: Tensor, on program: Program) {
    let loop = overElements(input) { range in
      let (values, others) = (input.floats, other.floats)
      for index in range { values[index] += others[index] }
    }
    program.emit("add", changing: input, with: [other], loop)
  }

  /// A loop over all elements in memory, padding included (where zeros stay zeros).
  func overElements(_ tensor: Tensor, _ body: @escaping (Range<Int>) -> Void) -> LoopKernel {
    let threads = threads
    let count = tensor.byteCount / MemoryLayout<Float>.stride
    return LoopKernel { threads.forRanges(count, body) }
  }
}
