// Pooling over windows and global averages, as loops of our own over blocks of channels.

import CImageLoops
import COneDNN

/// An image tensor's memory as `[image][block of channels][row][column][channel in block]`, whatever its layout.
struct BlockedImages {
  let images: Int
  let channels: Int
  let blocks: Int
  let height: Int
  let width: Int
  /// Channels that lie side by side: 1 in plain order, 4, 8 or 16 in blocked ones, all in channels-last.
  let lanes: Int

  /// Floats of one block of one image.
  var plane: Int { height * width * lanes }
  /// Blocks of all images.
  var planes: Int { images * blocks }
}

extension OneDNNDevice {
  /// Layouts that are blocks of channels, the usual ones first.
  private static let blockedTags: [(tag: dnnl_format_tag_t, lanes: Int?)] = [
    (dnnl_nChw8c, 8), (dnnl_nChw16c, 16), (dnnl_nchw, 1), (dnnl_nChw4c, 4), (dnnl_nhwc, nil),
  ]

  /// The tensor in a layout of blocks (a copy where it is in none), the blocks, and the layout's tag.
  func blocked(
    _ input: Tensor, layer: String, on program: Program
  ) throws -> (tensor: Tensor, tag: dnnl_format_tag_t) {
    let own = try OneDNNLayout(of: input)
    for (tag, _) in Self.blockedTags where try layout(input.shape, tag) == own { return (input, tag) }
    return (try reordered(input, to: layout(input.shape, dnnl_nchw), layer: layer, on: program), dnnl_nchw)
  }

  func blocks(_ shape: [Int], _ tag: dnnl_format_tag_t) -> BlockedImages {
    let lanes = Self.blockedTags.first { $0.tag == tag }?.lanes ?? shape[1]
    return BlockedImages(
      images: shape[0], channels: shape[1], blocks: (shape[1] + lanes - 1) / lanes, height: shape[2],
      width: shape[3], lanes: lanes)
  }

  /// Room for what windows make of an image, in its layout of blocks.
  private func pooled(
    _ input: Tensor, _ tag: dnnl_format_tag_t, _ window: Window, on program: Program
  ) throws -> Tensor {
    let shape = Array(input.shape[..<2]) + [window.output(input.shape[2]), window.output(input.shape[3])]
    return program.tensor(shape, try layout(shape, tag))
  }

  /// The gradient of what was pooled, in the input's layout of blocks, and room in it for the input's.
  private func unpooled(
    _ gradient: Tensor, input: Tensor, layer: String, on program: Program
  ) throws -> (gradient: Tensor, result: Tensor, tag: dnnl_format_tag_t) {
    let (_, tag) = try blocked(input, layer: layer, on: program)
    return (
      try reordered(gradient, to: layout(gradient.shape, tag), layer: layer, on: program),
      program.tensor(input.shape, try layout(input.shape, tag)), tag
    )
  }

  func maxPool(
    _ input: Tensor, window: Window, layer: String, on program: Program
  ) throws -> (output: Tensor, choices: Tensor) {
    let (input, tag) = try blocked(input, layer: layer, on: program)
    let output = try pooled(input, tag, window, on: program)
    let (source, target) = (blocks(input.shape, tag), blocks(output.shape, tag))
    let choices = program.tensor([target.planes * target.plane], try bytes(target.planes * target.plane))
    let (threads, loops) = (threads, Self.imageLoops(tag))
    let loop = LoopKernel {
      threads.forRanges(source.planes, cost: source.plane) { range in
        for plane in range {
          let (values, results) = (input.floats + plane * source.plane, output.floats + plane * target.plane)
          let places = choices.pointer.assumingMemoryBound(to: UInt8.self) + plane * target.plane
          if let loops {
            loops.max_pool(values, source.extent, results, places, target.extent, window.forC)
          } else {
            maxPoolPlane(values, source, results, places, target, window)
          }
        }
      }
    }
    program.emit("\(layer) max-pool", [input, output, choices], loop)
    return (output, choices)
  }

  func maxPoolBackward(
    _ gradient: Tensor, choices: Tensor, input: Tensor, window: Window, layer: String, on program: Program
  ) throws -> Tensor {
    let (gradient, result, tag) = try unpooled(gradient, input: input, layer: layer, on: program)
    let (source, target) = (blocks(input.shape, tag), blocks(gradient.shape, tag))
    let (threads, loops) = (threads, Self.imageLoops(tag))
    let loop = LoopKernel {
      threads.forRanges(source.planes, cost: source.plane) { range in
        for plane in range {
          let (slopes, results) = (
            gradient.floats + plane * target.plane, result.floats + plane * source.plane
          )
          let places = choices.pointer.assumingMemoryBound(to: UInt8.self) + plane * target.plane
          if let loops {
            loops.max_pool_gradient(slopes, places, target.extent, results, source.extent, window.forC)
          } else {
            maxPoolPlaneBackward(slopes, places, target, results, source, window)
          }
        }
      }
    }
    program.emit("\(layer) max-pool gradient", [gradient, choices, result], loop)
    return result
  }

  func averagePool(_ input: Tensor, window: Window, layer: String, on program: Program) throws -> Tensor {
    let (input, tag) = try blocked(input, layer: layer, on: program)
    let output = try pooled(input, tag, window, on: program)
    let (source, target) = (blocks(input.shape, tag), blocks(output.shape, tag))
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(source.planes, cost: source.plane) { range in
        for plane in range {
          averagePoolPlane(
            input.floats + plane * source.plane, source, output.floats + plane * target.plane, target, window)
        }
      }
    }
    program.emit("\(layer) average-pool", [input, output], loop)
    return output
  }

  func averagePoolBackward(
    _ gradient: Tensor, input: Tensor, window: Window, layer: String, on program: Program
  ) throws -> Tensor {
    let (gradient, result, tag) = try unpooled(gradient, input: input, layer: layer, on: program)
    let (source, target) = (blocks(input.shape, tag), blocks(gradient.shape, tag))
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(source.planes, cost: source.plane) { range in
        for plane in range {
          averagePoolPlaneBackward(
            gradient.floats + plane * target.plane, target, result.floats + plane * source.plane, source,
            window)
        }
      }
    }
    program.emit("\(layer) average-pool gradient", [gradient, result], loop)
    return result
  }

  func globalAveragePool(_ input: Tensor, layer: String, on program: Program) throws -> Tensor {
    let (input, tag) = try blocked(input, layer: layer, on: program)
    let source = blocks(input.shape, tag)
    let output = program.tensor(Array(input.shape[..<2]), try plainLayout(Array(input.shape[..<2])))
    let scale = 1 / Float(source.height * source.width)
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(source.planes, cost: source.plane) { range in
        for plane in range {
          let values = input.floats + plane * source.plane
          let first = plane % source.blocks * source.lanes
          let row = output.floats + plane / source.blocks * source.channels
          for lane in 0..<min(source.lanes, source.channels - first) {
            var sum: Float = 0
            for position in stride(from: lane, to: source.plane, by: source.lanes) { sum += values[position] }
            row[first + lane] = sum * scale
          }
        }
      }
    }
    program.emit("\(layer) average", [input, output], loop)
    return output
  }

  func globalAveragePoolBackward(
    _ gradient: Tensor, input: Tensor, layer: String, on program: Program
  ) throws -> Tensor {
    let (_, tag) = try blocked(input, layer: layer, on: program)
    let target = blocks(input.shape, tag)
    let result = program.tensor(input.shape, try layout(input.shape, tag))
    let scale = 1 / Float(target.height * target.width)
    let threads = threads
    let loop = LoopKernel {
      threads.forRanges(target.planes, cost: target.plane) { range in
        for plane in range {
          let values = result.floats + plane * target.plane
          let first = plane % target.blocks * target.lanes
          let row = gradient.floats + plane / target.blocks * target.channels
          for lane in 0..<target.lanes {
            // Channels that only fill up the last block stay zero, as oneDNN requires.
            let value = first + lane < target.channels ? row[first + lane] * scale : 0
            for position in stride(from: lane, to: target.plane, by: target.lanes) {
              values[position] = value
            }
          }
        }
      }
    }
    program.emit("\(layer) average gradient", [gradient, result], loop)
    return result
  }
}

extension BlockedImages {
  var extent: optplug_extent { optplug_extent(height: Int32(height), width: Int32(width)) }
}

extension Window {
  var forC: optplug_window {
    optplug_window(size: Int32(size), stride: Int32(stride), padding: Int32(padding))
  }
}
