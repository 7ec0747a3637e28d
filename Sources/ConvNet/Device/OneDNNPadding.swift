// Zeros around images, and the way back.

extension OneDNNDevice {
  func padded(
    _ input: Tensor, height: Int, width: Int, layer: String, on program: Program
  ) throws -> Tensor {
    let shape = [input.shape[0], input.shape[1], height, width]
    let output = program.tensor(shape, try plainLayout(shape))
    let input = try plain(input, layer: layer, on: program)
    let (top, left) = ((height - input.shape[2]) / 2, (width - input.shape[3]) / 2)
    let (rows, columns) = (input.shape[2], input.shape[3])
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(shape[0] * shape[1], cost: height * width) { range in
        for plane in range {
          let target = output.floats + plane * height * width
          let source = input.floats + plane * rows * columns
          target.update(repeating: 0, count: height * width)
          for row in 0..<rows {
            (target + (top + row) * width + left).update(from: source + row * columns, count: columns)
          }
        }
      }
    }
    program.emit("\(layer) padding", [input, output], loop)
    return output
  }

  func cropped(
    _ gradient: Tensor, height: Int, width: Int, layer: String, on program: Program
  ) throws -> Tensor {
    let shape = [gradient.shape[0], gradient.shape[1], height, width]
    let result = program.tensor(shape, try plainLayout(shape))
    let gradient = try plain(gradient, layer: layer, on: program)
    let (rows, columns) = (gradient.shape[2], gradient.shape[3])
    let (top, left) = ((rows - height) / 2, (columns - width) / 2)
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(shape[0] * shape[1], cost: height * width) { range in
        for plane in range {
          let source = gradient.floats + plane * rows * columns
          let target = result.floats + plane * height * width
          for row in 0..<height {
            (target + row * width).update(from: source + (top + row) * columns + left, count: width)
          }
        }
      }
    }
    program.emit("\(layer) cropping", [gradient, result], loop)
    return result
  }
}
