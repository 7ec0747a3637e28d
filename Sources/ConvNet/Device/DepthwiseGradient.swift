// The weight gradient of depthwise convolutions: a loop of our own, since oneDNN 2.6 leaves windows of 5x5 and more to
// matrix products of one row, thirty times slower.

import COneDNN

extension OneDNNDevice {
  func depthwiseParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String,
    on program: Program
  ) throws {
    let (source, blocks) = try channelBlocks(input, layer: layer, on: program)
    guard blocks.lanes == 8 else {
      return try convolutionParameterGradients(
        gradient, input: input, weight: weight, bias: bias, window: window, layer: layer, on: program)
    }
    let slopes = try reordered(
      gradient, to: layout(gradient.shape, dnnl_nChw8c), layer: layer, on: program)
    let target = BlockedImages(
      images: blocks.images, channels: blocks.channels, blocks: blocks.blocks, height: gradient.shape[2],
      width: gradient.shape[3], lanes: 8)
    let threads = threads
    let area = window.size * window.size
    let loop = LoopKernel {
      // Each block of channels is summed by one thread, image by image: any number of threads gives the same bits.
      threads.forRanges(blocks.blocks, cost: blocks.images * target.plane * area) { range in
        let padded = PaddedPlane(blocks, window)
        withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: padded.count + area + 1) { room in
          guard let plane = room.baseAddress else { return }
          let sums = plane + padded.count
          plane.initialize(repeating: .zero, count: room.count)
          for block in range {
            sums.update(repeating: .zero, count: area + 1)
            for image in 0..<blocks.images {
              let number = image * blocks.blocks + block
              padded.fill(plane, from: source.floats + number * blocks.plane)
              addWeightGradient(plane, padded, slopes.floats + number * target.plane, target, window, sums)
            }
            for lane in 0..<8 {
              let channel = block * 8 + lane
              for tap in 0..<area { weight.floats[channel * area + tap] = sums[tap][lane] }
              if let bias { bias.floats[channel] = sums[area][lane] }
            }
          }
        }
      }
    }
    program.emit(
      "\(layer) depthwise parameter gradients", [slopes, source, weight] + (bias.map { [$0] } ?? []), loop)
  }
}
