// Layer normalisation over the channels of each pixel, on the blocked layout as it is.

/// What the forward pass leaves for the backward pass: mean and reciprocal deviation of each pixel, `[N, H*W]`.
struct ChannelNormalizationState {
  let input: Tensor
  let blocks: BlockedImages
  let mean: Tensor
  let inverse: Tensor
}

extension OneDNNDevice {
  func channelNormalization(
    _ input: Tensor, _ affine: ScaleShift, epsilon: Float, layer: String, on program: Program
  ) throws -> (output: Tensor, state: ChannelNormalizationState) {
    let (input, blocks) = try channelBlocks(input, layer: layer, on: program)
    let output = program.tensor(input.shape, input.layout)
    let pixels = blocks.height * blocks.width
    let shape = [blocks.images, pixels]
    let state = ChannelNormalizationState(
      input: input, blocks: blocks, mean: program.tensor(shape, try plainLayout(shape)),
      inverse: program.tensor(shape, try plainLayout(shape)))
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(blocks.images, cost: blocks.channels * pixels) { range in
        for image in range {
          let start = image * blocks.blocks * blocks.plane
          normalizePixels(
            input.floats + start, output.floats + start, blocks, scale: affine.scale.floats,
            shift: affine.shift.floats, mean: state.mean.floats + image * pixels,
            inverse: state.inverse.floats + image * pixels, epsilon: epsilon)
        }
      }
    }
    program.emit(
      "\(layer) normalization", [input, output, state.mean, state.inverse, affine.scale, affine.shift], loop)
    return (output, state)
  }

  func channelNormalizationAgain(
    _ state: ChannelNormalizationState, _ affine: ScaleShift, layer: String, on program: Program
  ) -> Tensor {
    let (input, blocks) = (state.input, state.blocks)
    let output = program.tensor(input.shape, input.layout)
    let pixels = blocks.height * blocks.width
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(blocks.images, cost: blocks.channels * pixels) { range in
        for image in range {
          let start = image * blocks.blocks * blocks.plane
          normalizePixelsAgain(
            input.floats + start, output.floats + start, blocks, scale: affine.scale.floats,
            shift: affine.shift.floats, mean: state.mean.floats + image * pixels,
            inverse: state.inverse.floats + image * pixels)
        }
      }
    }
    program.emit(
      "\(layer) normalization again",
      [input, output, state.mean, state.inverse, affine.scale, affine.shift], loop)
    return output
  }

  func channelNormalizationBackward(
    _ gradient: Tensor, _ state: ChannelNormalizationState, _ affine: ScaleShift, gradients: ScaleShift,
    layer: String, on program: Program
  ) throws -> Tensor {
    let (input, blocks) = (state.input, state.blocks)
    let gradient = try aligned(gradient, with: input, layer: layer, on: program)
    let result = program.tensor(input.shape, input.layout)
    let pixels = blocks.height * blocks.width
    let channels = blocks.channels
    // Of each image, added up in the order of the images: any number of threads gives the same bits.
    let partial = program.tensor(
      [blocks.images, 2 * channels], try plainLayout([blocks.images, 2 * channels]))
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(blocks.images, cost: channels * pixels) { range in
        for image in range {
          let start = image * blocks.blocks * blocks.plane
          normalizePixelsBackward(
            gradient.floats + start, input.floats + start, result.floats + start, blocks,
            scale: affine.scale.floats, mean: state.mean.floats + image * pixels,
            inverse: state.inverse.floats + image * pixels, sums: partial.floats + image * 2 * channels)
        }
      }
      let (scales, shifts) = (gradients.scale.floats, gradients.shift.floats)
      scales.update(repeating: 0, count: channels)
      shifts.update(repeating: 0, count: channels)
      for image in 0..<blocks.images {
        let sums = partial.floats + image * 2 * channels
        for channel in 0..<channels {
          scales[channel] += sums[channel]
          shifts[channel] += sums[channels + channel]
        }
      }
    }
    program.emit(
      "\(layer) normalization gradients",
      [
        gradient, input, result, partial, state.mean, state.inverse, affine.scale, gradients.scale,
        gradients.shift,
      ], loop)
    return result
  }
}
