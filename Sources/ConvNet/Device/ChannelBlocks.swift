// An image tensor as pixels of blocks of channels, and scaling by channel.

extension OneDNNDevice {
  /// The tensor and its blocks, all of whose lanes are channels: plain order where the last block would not be full.
  /// Rows are images of one pixel.
  func channelBlocks(
    _ input: Tensor, layer: String, on program: Program
  ) throws -> (tensor: Tensor, blocks: BlockedImages) {
    let shape = input.shape
    guard shape.count == 4 else {
      return (
        try plain(input, layer: layer, on: program),
        BlockedImages(images: shape[0], channels: shape[1], blocks: 1, height: 1, width: 1, lanes: shape[1])
      )
    }
    let (tensor, tag) = try blocked(input, layer: layer, on: program)
    let found = blocks(shape, tag)
    if found.blocks * found.lanes == found.channels { return (tensor, found) }
    return (
      try plain(input, layer: layer, on: program),
      BlockedImages(
        images: shape[0], channels: shape[1], blocks: shape[1], height: shape[2], width: shape[3], lanes: 1)
    )
  }

  func rows(_ shape: [Int], on program: Program) throws -> Tensor {
    program.tensor(shape, try plainLayout(shape))
  }

  /// `output[n, c, ...] = input[n, c, ...] * scale`, where the scale is one of `[C]` or, by image, `[N, C]`.
  func scaled(_ input: Tensor, by scale: Tensor, layer: String, on program: Program) throws -> Tensor {
    let (input, blocks) = try channelBlocks(input, layer: layer, on: program)
    let output = program.tensor(input.shape, input.layout)
    let byImage = scale.shape.count == 2
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(blocks.planes, cost: blocks.plane) { range in
        for plane in range {
          let (image, block) = (plane / blocks.blocks, plane % blocks.blocks)
          scalePlane(
            input.floats + plane * blocks.plane, output.floats + plane * blocks.plane,
            scale.floats + (byImage ? image * blocks.channels : 0) + block * blocks.lanes, blocks)
        }
      }
    }
    program.emit("\(layer) scale", [input, scale, output], loop)
    return output
  }

  /// Sums of `gradient * input` over pixels, `[N, C]`, or over images too, `[C]`: the gradient of a scale.
  func scaleGradient(
    _ gradient: Tensor, input: Tensor, to result: Tensor, layer: String, on program: Program
  ) throws {
    let (input, blocks) = try channelBlocks(input, layer: layer, on: program)
    let gradient = try aligned(gradient, with: input, layer: layer, on: program)
    let byImage = result.shape.count == 2
    let threads = threads
    let loop = LoopKernel {
      // Each block of channels is summed by one thread, image by image: any number of threads gives the same bits.
      threads.forRanges(blocks.blocks, cost: blocks.images * blocks.plane) { range in
        for block in range {
          if !byImage { (result.floats + block * blocks.lanes).update(repeating: 0, count: blocks.lanes) }
          for image in 0..<blocks.images {
            let plane = (image * blocks.blocks + block) * blocks.plane
            let sums = result.floats + (byImage ? image * blocks.channels : 0) + block * blocks.lanes
            if byImage { sums.update(repeating: 0, count: blocks.lanes) }
            addProducts(gradient.floats + plane, input.floats + plane, sums, blocks)
          }
        }
      }
    }
    program.emit("\(layer) scale gradient", [gradient, input, result], loop)
  }
}
