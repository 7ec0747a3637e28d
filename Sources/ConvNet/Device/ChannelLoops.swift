// The inner loops over channels, eight at a time: scaling, layer normalisation, and depthwise weight gradients. They are
// in one file because a debug build inlines within a file only.
//
// Eight channels are a vector whether blocks have eight channels, sixteen, or all of them: pixels are then as far apart
// as a block has channels, and the same bits come out. Other blocks are left to loops over single channels.

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

extension BlockedImages {
  /// Whether every block is a number of whole vectors.
  var hasVectors: Bool { lanes % 8 == 0 && blocks * lanes == channels }
  /// Vectors of a pixel.
  @inline(__always)
  fileprivate var vectors: Int { channels / 8 }

  /// Where a vector's first pixel is within an image; the next one is `lanes` further.
  @inline(__always)
  fileprivate func start(ofVector vector: Int) -> Int { vector * 8 / lanes * plane + vector * 8 % lanes }

  /// Calls `body` with each channel of a pixel and its place within the image.
  @inline(__always)
  fileprivate func forChannels(of pixel: Int, _ body: (_ channel: Int, _ index: Int) -> Void) {
    for block in 0..<blocks {
      for lane in 0..<lanes { body(block * lanes + lane, block * plane + pixel * lanes + lane) }
    }
  }
}

// MARK: Scaling

/// One block of one image times the block's factors.
func scalePlane(
  _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ scale: UnsafePointer<Float>,
  _ blocks: BlockedImages
) {
  if blocks.hasVectors {
    for lane in stride(from: 0, to: blocks.lanes, by: 8) {
      let factor = load8(scale + lane)
      for offset in stride(from: lane, to: blocks.plane, by: blocks.lanes) {
        store8(load8(input + offset) * factor, output + offset)
      }
    }
  } else {
    for pixel in 0..<blocks.height * blocks.width {
      for lane in 0..<blocks.lanes {
        output[pixel * blocks.lanes + lane] = input[pixel * blocks.lanes + lane] * scale[lane]
      }
    }
  }
}

/// Adds the sums over one block's pixels of `left * right`.
func addProducts(
  _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>,
  _ blocks: BlockedImages
) {
  if blocks.hasVectors {
    for lane in stride(from: 0, to: blocks.lanes, by: 8) {
      var sum = SIMD8<Float>.zero
      for offset in stride(from: lane, to: blocks.plane, by: blocks.lanes) {
        sum += load8(left + offset) * load8(right + offset)
      }
      store8(load8(sums + lane) + sum, sums + lane)
    }
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
  let (pixels, lanes) = (blocks.height * blocks.width, blocks.lanes)
  let share = 1 / Float(blocks.channels)
  guard blocks.hasVectors else {
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
      for vector in 0..<blocks.vectors {
        let source = input + blocks.start(ofVector: vector) + first * lanes
        for pixel in 0..<count { sums[pixel] += load8(source + pixel * lanes) }
      }
      for pixel in 0..<count {
        mean[first + pixel] = sums[pixel].sum() * share
        sums[pixel] = .zero
      }
      for vector in 0..<blocks.vectors {
        let source = input + blocks.start(ofVector: vector) + first * lanes
        for pixel in 0..<count {
          let apart = load8(source + pixel * lanes) - mean[first + pixel]
          sums[pixel] += apart * apart
        }
      }
      for pixel in 0..<count {
        inverse[first + pixel] = 1 / (sums[pixel].sum() * share + epsilon).squareRoot()
      }
      for vector in 0..<blocks.vectors {
        let start = blocks.start(ofVector: vector) + first * lanes
        let (factor, offset) = (load8(scale + vector * 8), load8(shift + vector * 8))
        for pixel in 0..<count {
          let apart = load8(input + start + pixel * lanes) - mean[first + pixel]
          store8(apart * inverse[first + pixel] * factor + offset, output + start + pixel * lanes)
        }
      }
    }
  }
}

/// The output once more, from what `normalizePixels` left.
func normalizePixelsAgain(
  _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, _ blocks: BlockedImages,
  scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, mean: UnsafePointer<Float>,
  inverse: UnsafePointer<Float>
) {
  let (pixels, lanes) = (blocks.height * blocks.width, blocks.lanes)
  guard blocks.hasVectors else {
    for pixel in 0..<pixels {
      blocks.forChannels(of: pixel) { channel, index in
        output[index] = (input[index] - mean[pixel]) * inverse[pixel] * scale[channel] + shift[channel]
      }
    }
    return
  }
  for vector in 0..<blocks.vectors {
    let start = blocks.start(ofVector: vector)
    let (factor, offset) = (load8(scale + vector * 8), load8(shift + vector * 8))
    for pixel in 0..<pixels {
      let apart = load8(input + start + pixel * lanes) - mean[pixel]
      store8(apart * inverse[pixel] * factor + offset, output + start + pixel * lanes)
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
  let (pixels, channels, lanes) = (blocks.height * blocks.width, blocks.channels, blocks.lanes)
  let share = 1 / Float(channels)
  sums.update(repeating: 0, count: 2 * channels)
  guard blocks.hasVectors else {
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
      for vector in 0..<blocks.vectors {
        let start = blocks.start(ofVector: vector) + first * lanes
        let factor = load8(scale + vector * 8)
        var (scales, shifts) = (load8(sums + vector * 8), load8(sums + channels + vector * 8))
        for pixel in 0..<count {
          let upstream = load8(gradient + start + pixel * lanes)
          let value = (load8(input + start + pixel * lanes) - mean[first + pixel]) * inverse[first + pixel]
          let product = upstream * value
          scales += product
          shifts += upstream
          room[2 * pixel] += upstream * factor
          room[2 * pixel + 1] += product * factor
        }
        store8(scales, sums + vector * 8)
        store8(shifts, sums + channels + vector * 8)
      }
      for pixel in 0..<count {
        room[2 * pixel] = SIMD8(repeating: room[2 * pixel].sum() * share)
        room[2 * pixel + 1] = SIMD8(repeating: room[2 * pixel + 1].sum() * share)
      }
      for vector in 0..<blocks.vectors {
        let start = blocks.start(ofVector: vector) + first * lanes
        let factor = load8(scale + vector * 8)
        for pixel in 0..<count {
          let value = (load8(input + start + pixel * lanes) - mean[first + pixel]) * inverse[first + pixel]
          let rest =
            load8(gradient + start + pixel * lanes) * factor - room[2 * pixel] - value * room[2 * pixel + 1]
          store8(rest * inverse[first + pixel], result + start + pixel * lanes)
        }
      }
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
      let target = plane + (row + padding) * width + padding
      let line = values + row * source.width * source.lanes
      for column in 0..<source.width { target[column] = load8(line + column * source.lanes) }
    }
  }
}

extension Window {
  /// Outputs for which a place in the window meets the image and not the padding.
  fileprivate func outputs(at place: Int, of count: Int, extent: Int) -> Range<Int> {
    let first = max(0, padding - place + stride - 1) / stride
    let last = extent - 1 + padding - place
    return last < 0 ? 0..<0 : min(first, count)..<max(min(first, count), min(count, last / stride + 1))
  }
}

/// Adds one plane's part of the weight's gradient for eight channels, place by place in the window.
func addWeightGradient(
  _ plane: UnsafePointer<SIMD8<Float>>, _ padded: PaddedPlane, _ gradient: UnsafePointer<Float>,
  _ target: BlockedImages, _ window: Window, _ sums: UnsafeMutablePointer<SIMD8<Float>>
) {
  // Small images meet few places of a large window.
  func meets(_ column: Int) -> Bool {
    !window.outputs(at: column, of: target.width, extent: padded.source.width).isEmpty
  }
  guard let first = (0..<window.size).first(where: meets), let last = (0..<window.size).last(where: meets)
  else { return }
  for row in 0..<window.size {
    let outputs = window.outputs(at: row, of: target.height, extent: padded.source.height)
    guard !outputs.isEmpty else { continue }
    var column = first
    while column <= last {
      let rest = last + 1 - column
      let count = rest <= 4 ? rest : rest < 7 ? 3 : 4
      let taps = Taps(
        values: plane + row * padded.width + column, width: padded.width, stride: window.stride,
        gradient: gradient, target: target)
      let sums = sums + row * window.size + column
      // Constants, so that each has a loop of its own.
      switch count {
      case 1: taps.add(1, outputs, sums)
      case 2: taps.add(2, outputs, sums)
      case 3: taps.add(3, outputs, sums)
      default: taps.add(4, outputs, sums)
      }
      column += count
    }
  }
}

/// Neighbouring places of a window over one plane.
private struct Taps {
  /// What the first of them meets for the first output.
  let values: UnsafePointer<SIMD8<Float>>
  let width: Int
  let stride: Int
  let gradient: UnsafePointer<Float>
  let target: BlockedImages

  /// Two sums for each place: one would wait for its own last addition.
  @inline(__always)
  func add(_ count: Int, _ rows: Range<Int>, _ sums: UnsafeMutablePointer<SIMD8<Float>>) {
    var (a0, a1, a2, a3) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
    var (b0, b1, b2, b3) = (SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero, SIMD8<Float>.zero)
    for row in rows {
      var (values, slopes) = (
        values + row * stride * width, gradient + row * target.width * target.lanes
      )
      for _ in 0..<target.width / 2 {
        let (even, odd) = (load8(slopes), load8(slopes + target.lanes))
        a0.addProduct(even, values[0])
        b0.addProduct(odd, values[stride])
        if count > 1 {
          a1.addProduct(even, values[1])
          b1.addProduct(odd, values[stride + 1])
        }
        if count > 2 {
          a2.addProduct(even, values[2])
          b2.addProduct(odd, values[stride + 2])
        }
        if count > 3 {
          a3.addProduct(even, values[3])
          b3.addProduct(odd, values[stride + 3])
        }
        values += 2 * stride
        slopes += 2 * target.lanes
      }
      if target.width % 2 == 1 {
        let even = load8(slopes)
        a0.addProduct(even, values[0])
        if count > 1 { a1.addProduct(even, values[1]) }
        if count > 2 { a2.addProduct(even, values[2]) }
        if count > 3 { a3.addProduct(even, values[3]) }
      }
    }
    sums[0] += a0 + b0
    if count > 1 { sums[1] += a1 + b1 }
    if count > 2 { sums[2] += a2 + b2 }
    if count > 3 { sums[3] += a3 + b3 }
  }
}

/// The sum over eight channels' pixels.
func sumPixels(_ gradient: UnsafePointer<Float>, _ target: BlockedImages) -> SIMD8<Float> {
  var total = SIMD8<Float>.zero
  for offset in stride(from: 0, to: target.plane, by: target.lanes) { total += load8(gradient + offset) }
  return total
}
