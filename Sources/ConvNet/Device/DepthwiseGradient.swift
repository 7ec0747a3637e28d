// What oneDNN 2.6 leaves to slow code of depthwise convolutions: the weight gradient, where windows of 5x5 and more are
// matrix products of one row, thirty times slower than this loop; and windows that reach beyond small images.

import COneDNN

extension OneDNNDevice {
  func depthwiseParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String,
    on program: Program
  ) throws {
    let tag = try vectorTag(of: input)
    let source = try reordered(input, to: layout(input.shape, tag), layer: layer, on: program)
    let slopes = try reordered(gradient, to: layout(gradient.shape, tag), layer: layer, on: program)
    let (blocks, target) = (blocks(input.shape, tag), blocks(gradient.shape, tag))
    let threads = threads
    let area = window.size * window.size
    let lanes = blocks.lanes
    let loop = LoopKernel {
      // Each block of channels is summed by one thread, image by image: any number of threads gives the same bits.
      threads.forRanges(blocks.blocks, cost: blocks.images * target.plane * area) { range in
        let padded = PaddedPlane(blocks, window)
        let capacity = padded.count + lanes / 8 * (area + 1)
        withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: capacity) { room in
          guard let plane = room.baseAddress else { return }
          let sums = plane + padded.count
          plane.initialize(repeating: .zero, count: room.count)
          for block in range {
            sums.update(repeating: .zero, count: lanes / 8 * (area + 1))
            for image in 0..<blocks.images {
              let number = image * blocks.blocks + block
              for lane in stride(from: 0, to: lanes, by: 8) {
                let sums = sums + lane / 8 * (area + 1)
                let slopes = slopes.floats + number * target.plane + lane
                padded.fill(plane, from: source.floats + number * blocks.plane + lane)
                addWeightGradient(plane, padded, slopes, target, window, sums)
                if bias != nil { sums[area] += sumPixels(slopes, target) }
              }
            }
            // The last block may have more lanes than channels are left.
            for lane in 0..<min(lanes, blocks.channels - block * lanes) {
              let channel = block * lanes + lane
              let sums = sums + lane / 8 * (area + 1)
              for tap in 0..<area { weight.floats[channel * area + tap] = sums[tap][lane % 8] }
              if let bias { bias.floats[channel] = sums[area][lane % 8] }
            }
          }
        }
      }
    }
    program.emit(
      "\(layer) depthwise parameter gradients", [slopes, source, weight] + (bias.map { [$0] } ?? []), loop)
  }

  /// The tensor's own layout where that is blocks of whole vectors, else one that is.
  private func vectorTag(of tensor: Tensor) throws -> dnnl_format_tag_t {
    try layout(tensor.shape, dnnl_nChw16c) == OneDNNLayout(of: tensor) ? dnnl_nChw16c : dnnl_nChw8c
  }

  /// A depthwise window without the rim that meets nothing but padding, as of 7x7 on images of 2x2, where only 3x3 does:
  /// oneDNN has nothing but its reference for those, hundreds of times slower.
  func trimmed(
    _ weight: Tensor, _ window: Window, to input: Tensor, layer: String, on program: Program
  ) throws -> (weight: Tensor, window: Window) {
    let rim = window.padding + 1 - max(input.shape[2], input.shape[3])
    guard weight.shape.count == 5, window.stride == 1, window.size == 2 * window.padding + 1, rim > 0
    else { return (weight, window) }
    let (channels, size, full) = (weight.shape[0], window.size - 2 * rim, window.size)
    let shape = [channels, 1, 1, size, size]
    let core = program.tensor(shape, try plainLayout(shape))
    let loop = LoopKernel {
      for channel in 0..<channels {
        for row in 0..<size {
          (core.floats + (channel * size + row) * size).update(
            from: weight.floats + (channel * full + row + rim) * full + rim, count: size)
        }
      }
    }
    program.emit("\(layer) trim", [weight, core], loop)
    return (core, Window(size: size, stride: 1, padding: window.padding - rim))
  }
}
