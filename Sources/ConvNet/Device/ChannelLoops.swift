// The inner loops over blocks of eight channels: scaling, layer normalisation, and depthwise weight gradients. They are in
// one file because a debug build inlines within a file only.

/// Eight channels of a pixel.
@inline(__always)
func load8(_ pointer: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(pointer).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always)
func store8(_ value: SIMD8<Float>, _ pointer: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD8<Float>.self)
}

extension SIMD8<Float> {
  /// `self += left * right`, rounded once.
  @inline(__always)
  mutating func addProduct(_ left: Self, _ right: Self) { self = addingProduct(left, right) }
}

func scalePlane(
  _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ scale: UnsafePointer<Float>,
  _ blocks: BlockedImages
) {
  if blocks.lanes == 8 {
    let factor = load8(scale)
    for offset in stride(from: 0, to: blocks.plane, by: 8) {
      store8(load8(input + offset) * factor, output + offset)
    }
  } else {
    for pixel in 0..<blocks.height * blocks.width {
      for lane in 0..<blocks.lanes {
        output[pixel * blocks.lanes + lane] = input[pixel * blocks.lanes + lane] * scale[lane]
      }
    }
  }
}

func addProducts(
  _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>,
  _ blocks: BlockedImages
) {
  if blocks.lanes == 8 {
    var sum = SIMD8<Float>.zero
    for offset in stride(from: 0, to: blocks.plane, by: 8) {
      sum += load8(left + offset) * load8(right + offset)
    }
    store8(load8(sums) + sum, sums)
  } else {
    for pixel in 0..<blocks.height * blocks.width {
      for lane in 0..<blocks.lanes {
        sums[lane] += left[pixel * blocks.lanes + lane] * right[pixel * blocks.lanes + lane]
      }
    }
  }
}

// MARK: Layer normalisation

/// Pixels that are worked on together; their sums over blocks lie on the stack.
private let tile = 32

/// Normalises all pixels of one image; `mean` and `inverse` get one value for each pixel.
func normalizePixels(
  _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ blocks: BlockedImages,
  scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>,
  inverse: UnsafeMutablePointer<Float>, epsilon: Float
) {
  let pixels = blocks.height * blocks.width
  let share = 1 / Float(blocks.channels)
  guard blocks.lanes == 8 else {
    for pixel in 0..<pixels {
      var (sum, squares): (Float, Float) = (0, 0)
      blocks.forChannels(of: pixel) { _, index in sum += input[index] }
      let center = sum * share
      blocks.forChannels(of: pixel) { _, index in squares += (input[index] - center) * (input[index] - center)
      }
      mean[pixel] = center
      inverse[pixel] = 1 / (squares * share + epsilon).squareRoot()
      blocks.forChannels(of: pixel) { channel, index in
        output[index] = (input[index] - center) * inverse[pixel] * scale[channel] + shift[channel]
      }
    }
    return
  }
  withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: tile) { sums in
    for first in stride(from: 0, to: pixels, by: tile) {
      let count = min(tile, pixels - first)
      sums.initialize(repeating: .zero)
      for block in 0..<blocks.blocks {
        let source = input + block * blocks.plane + first * 8
        for pixel in 0..<count { sums[pixel] += load8(source + pixel * 8) }
      }
      for pixel in 0..<count {
        mean[first + pixel] = sums[pixel].sum() * share
        sums[pixel] = .zero
      }
      for block in 0..<blocks.blocks {
        let source = input + block * blocks.plane + first * 8
        for pixel in 0..<count {
          let apart = load8(source + pixel * 8) - mean[first + pixel]
          sums[pixel] += apart * apart
        }
      }
      for pixel in 0..<count {
        inverse[first + pixel] = 1 / (sums[pixel].sum() * share + epsilon).squareRoot()
      }
      for block in 0..<blocks.blocks {
        let start = block * blocks.plane + first * 8
        let (factor, offset) = (load8(scale + block * 8), load8(shift + block * 8))
        for pixel in 0..<count {
          let apart = load8(input + start + pixel * 8) - mean[first + pixel]
          store8(apart * inverse[first + pixel] * factor + offset, output + start + pixel * 8)
        }
      }
    }
  }
}

/// The way back for one image. With x the normalised input and g the gradient times the scale, the input's gradient
/// is `inverse * (g - mean(g) - x * mean(g * x))`, means over channels. `sums` gets the gradients of the scales, then
/// of the shifts.
func normalizePixelsBackward(
  _ gradient: UnsafePointer<Float>, _ input: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>,
  _ blocks: BlockedImages, scale: UnsafePointer<Float>, mean: UnsafePointer<Float>,
  inverse: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>
) {
  let (pixels, channels) = (blocks.height * blocks.width, blocks.channels)
  let share = 1 / Float(channels)
  sums.update(repeating: 0, count: 2 * channels)
  guard blocks.lanes == 8 else {
    for pixel in 0..<pixels {
      var (direct, crossed): (Float, Float) = (0, 0)
      func normalized(_ index: Int) -> Float { (input[index] - mean[pixel]) * inverse[pixel] }
      blocks.forChannels(of: pixel) { channel, index in
        let value = normalized(index)
        direct += gradient[index] * scale[channel]
        crossed += gradient[index] * scale[channel] * value
        sums[channel] += gradient[index] * value
        sums[channels + channel] += gradient[index]
      }
      blocks.forChannels(of: pixel) { channel, index in
        let rest = gradient[index] * scale[channel] - direct * share - normalized(index) * crossed * share
        result[index] = inverse[pixel] * rest
      }
    }
    return
  }
  withUnsafeTemporaryAllocation(of: SIMD8<Float>.self, capacity: 2 * tile) { room in
    for first in stride(from: 0, to: pixels, by: tile) {
      let count = min(tile, pixels - first)
      room.initialize(repeating: .zero)
      for block in 0..<blocks.blocks {
        let start = block * blocks.plane + first * 8
        let factor = load8(scale + block * 8)
        var (scales, shifts) = (load8(sums + block * 8), load8(sums + channels + block * 8))
        for pixel in 0..<count {
          let upstream = load8(gradient + start + pixel * 8)
          let value = (load8(input + start + pixel * 8) - mean[first + pixel]) * inverse[first + pixel]
          let product = upstream * value
          scales += product
          shifts += upstream
          room[2 * pixel] += upstream * factor
          room[2 * pixel + 1] += product * factor
        }
        store8(scales, sums + block * 8)
        store8(shifts, sums + channels + block * 8)
      }
      for pixel in 0..<count {
        room[2 * pixel] = SIMD8(repeating: room[2 * pixel].sum() * share)
        room[2 * pixel + 1] = SIMD8(repeating: room[2 * pixel + 1].sum() * share)
      }
      for block in 0..<blocks.blocks {
        let start = block * blocks.plane + first * 8
        let factor = load8(scale + block * 8)
        for pixel in 0..<count {
          let value = (load8(input + start + pixel * 8) - mean[first + pixel]) * inverse[first + pixel]
          let rest =
            load8(gradient + start + pixel * 8) * factor - room[2 * pixel] - value * room[2 * pixel + 1]
          store8(rest * inverse[first + pixel], result + start + pixel * 8)
        }
      }
    }
  }
}

extension BlockedImages {
  /// Calls `body` with each channel of a pixel and its place within the image.
  @inline(__always)
  fileprivate func forChannels(of pixel: Int, _ body: (_ channel: Int, _ index: Int) -> Void) {
    for block in 0..<blocks {
      for lane in 0..<lanes { body(block * lanes + lane, block * plane + pixel * lanes + lane) }
    }
  }
}

// MARK: Depthwise weight gradients

/// A plane of eight channels with the window's zeros around it, so that the loops need no conditions.
struct PaddedPlane {
  let source: BlockedImages
  let padding: Int
  var width: Int { source.width + 2 * padding }
  var count: Int { width * (source.height + 2 * padding) }

  init(_ source: BlockedImages, _ window: Window) {
    self.source = source
    padding = window.padding
  }

  /// The zeros around are there already.
  func fill(_ plane: UnsafeMutablePointer<SIMD8<Float>>, from values: UnsafePointer<Float>) {
    for row in 0..<source.height {
      UnsafeMutableRawPointer(plane + (row + padding) * width + padding).copyMemory(
        from: values + row * source.width * 8, byteCount: source.width * 8 * MemoryLayout<Float>.stride)
    }
  }
}

/// Adds one plane's part of the weight's gradient, tap by tap, and the bias's after them.
func addWeightGradient(
  _ plane: UnsafePointer<SIMD8<Float>>, _ padded: PaddedPlane, _ gradient: UnsafePointer<Float>,
  _ target: BlockedImages, _ window: Window, _ sums: UnsafeMutablePointer<SIMD8<Float>>
) {
  let (stride, size, width) = (window.stride, window.size, target.width)
  for row in 0..<size {
    for column in 0..<size {
      // Four sums: one would wait for its own last addition.
      var (a, b, c, d) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
      for y in 0..<target.height {
        let values = plane + (y * stride + row) * padded.width + column
        let slopes = gradient + y * width * 8
        var x = 0
        while x + 4 <= width {
          a.addProduct(load8(slopes + x * 8), values[x * stride])
          b.addProduct(load8(slopes + x * 8 + 8), values[(x + 1) * stride])
          c.addProduct(load8(slopes + x * 8 + 16), values[(x + 2) * stride])
          d.addProduct(load8(slopes + x * 8 + 24), values[(x + 3) * stride])
          x += 4
        }
        while x < width {
          a.addProduct(load8(slopes + x * 8), values[x * stride])
          x += 1
        }
      }
      sums[row * size + column] += (a + b) + (c + d)
    }
  }
  var total = SIMD8<Float>.zero
  for pixel in 0..<target.height * width { total += load8(gradient + pixel * 8) }
  sums[size * size] += total
}
