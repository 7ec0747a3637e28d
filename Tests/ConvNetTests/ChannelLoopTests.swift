// The loops over channels on every kind of block, whichever of them oneDNN chooses on this machine.

import Testing

@testable import ConvNet

@Suite struct ChannelLoopTests {
  /// Channels side by side: vectors of eight in blocks of 8, 16, 24 or all 48, and single channels in those of 1 and 3.
  private static let vectorLanes = [8, 16, 24, 48]
  private static let otherLanes = [1, 3]

  private func blocks(_ shape: [Int], lanes: Int) -> BlockedImages {
    BlockedImages(
      images: shape[0], channels: shape[1], blocks: shape[1] / lanes, height: shape[2], width: shape[3],
      lanes: lanes)
  }

  /// Place of each element of the plain order in blocks.
  private func places(_ blocks: BlockedImages) -> [Int] {
    let pixels = blocks.height * blocks.width
    return (0..<blocks.images * blocks.channels * pixels).map { index in
      let (plane, pixel) = (index / pixels, index % pixels)
      return plane / blocks.lanes * blocks.plane + pixel * blocks.lanes + plane % blocks.lanes
    }
  }

  private func values(_ stream: Int, _ count: Int) -> [Float] {
    CounterFormula.uniform(stream, count: count).map { Float($0) }
  }

  private func ordered(_ plain: [Float], _ blocks: BlockedImages) -> [Float] {
    var result = plain
    for (index, place) in places(blocks).enumerated() { result[place] = plain[index] }
    return result
  }

  private func plain(_ ordered: [Float], _ blocks: BlockedImages) -> [Float] {
    places(blocks).map { ordered[$0] }
  }

  /// The same bits from all vectors; the loops over single channels may add in another order.
  private func expectAgreement(_ results: (_ lanes: Int) -> [[Float]]) {
    let found = results(8)
    for lanes in Self.vectorLanes { #expect(results(lanes) == found, "\(lanes) lanes") }
    for lanes in Self.otherLanes {
      for (place, (some, others)) in zip(results(lanes), found).enumerated() {
        for (a, b) in zip(some, others) {
          #expect(abs(a - b) <= 1e-5 * max(1, abs(b)), "\(lanes) lanes, result \(place)")
        }
      }
    }
  }

  @Test func scalingAndItsGradientAgree() {
    let shape = [1, 48, 3, 5]
    expectAgreement { lanes in
      let blocks = blocks(shape, lanes: lanes)
      let (input, scale) = (ordered(values(1, 720), blocks), values(2, 48))
      var (output, sums) = ([Float](repeating: 0, count: 720), values(3, 48))
      for block in 0..<blocks.blocks {
        input.withUnsafeBufferPointer { input in
          output.withUnsafeMutableBufferPointer { output in
            sums.withUnsafeMutableBufferPointer { sums in
              let start = block * blocks.plane
              scalePlane(
                input.baseAddress! + start, output.baseAddress! + start,
                Array(scale[(block * lanes)...]), blocks)
              addProducts(
                input.baseAddress! + start, output.baseAddress! + start, sums.baseAddress! + block * lanes,
                blocks)
            }
          }
        }
      }
      return [plain(output, blocks), sums]
    }
  }

  /// More pixels than are worked on together.
  @Test func layerNormalizationAgrees() {
    let shape = [1, 48, 5, 9]
    let count = 48 * 45
    expectAgreement { lanes in
      let blocks = blocks(shape, lanes: lanes)
      let (input, gradient) = (ordered(values(1, count), blocks), ordered(values(2, count), blocks))
      let (scale, shift) = (values(3, 48), values(4, 48))
      var (mean, inverse) = ([Float](repeating: 0, count: 45), [Float](repeating: 0, count: 45))
      var output = [Float](repeating: 0, count: count)
      normalizePixels(
        input, &output, blocks, scale: scale, shift: shift, mean: &mean, inverse: &inverse, epsilon: 1e-6)
      var (result, sums) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: 96))
      normalizePixelsBackward(
        gradient, input, &result, blocks, scale: scale, mean: mean, inverse: inverse, sums: &sums)
      return [plain(output, blocks), mean, inverse, plain(result, blocks), sums]
    }
  }

  @Test(
    arguments: [
      Window(size: 3, stride: 1, padding: 1), Window(size: 3, stride: 2, padding: 1),
      Window(size: 5, stride: 1, padding: 2), Window(size: 5, stride: 2, padding: 2),
      Window(size: 7, stride: 1, padding: 3), Window(size: 7, stride: 3, padding: 0),
      Window(size: 6, stride: 1, padding: 1), Window(size: 1, stride: 1, padding: 0),
      Window(size: 2, stride: 4, padding: 0),
    ], [[8, 9], [4, 7], [2, 2], [1, 1]]) func depthwiseGradientsAreThoseOfTheDefinition(
      _ window: Window, size: [Int]
    )
  {
    let (height, width) = (window.output(size[0]), window.output(size[1]))
    guard height > 0, width > 0 else { return }
    let (inputs, outputs) = ([1, 48] + size, [1, 48, height, width])
    let (input, gradient) = (values(1, inputs.reduce(1, *)), values(2, outputs.reduce(1, *)))
    let images = Reference(inputs, input.map { Double($0) })
    let slopes = Reference(outputs, gradient.map { Double($0) })
    let area = window.size * window.size
    let found = Self.vectorLanes.map { lanes in
      depthwiseGradients(
        ordered(input, blocks(inputs, lanes: lanes)), blocks(inputs, lanes: lanes),
        ordered(gradient, blocks(outputs, lanes: lanes)), blocks(outputs, lanes: lanes), window)
    }
    for channel in 0..<48 {
      for tap in 0..<area {
        var sum = 0.0
        for y in 0..<height {
          for x in 0..<width {
            sum +=
              slopes[0, channel, y, x]
              * images.padded(
                0, channel, y * window.stride + tap / window.size - window.padding,
                x * window.stride + tap % window.size - window.padding)
          }
        }
        #expect(abs(Double(found[0][channel * area + tap]) - sum) < 1e-5, "channel \(channel), tap \(tap)")
      }
    }
    for (lanes, other) in zip(Self.vectorLanes, found) { #expect(other == found[0], "\(lanes) lanes") }
  }

  private func depthwiseGradients(
    _ input: [Float], _ source: BlockedImages, _ gradient: [Float], _ target: BlockedImages, _ window: Window
  ) -> [Float] {
    let area = window.size * window.size
    let padded = PaddedPlane(source, window)
    var result = [Float](repeating: 0, count: source.channels * area)
    for channel in stride(from: 0, to: source.channels, by: 8) {
      var plane = [SIMD8<Float>](repeating: .zero, count: padded.count)
      var sums = [SIMD8<Float>](repeating: .zero, count: area)
      let (block, lane) = (channel / source.lanes, channel % source.lanes)
      padded.fill(&plane, from: Array(input[(block * source.plane + lane)...]))
      addWeightGradient(
        plane, padded, Array(gradient[(block * target.plane + lane)...]), target, window, &sums)
      for index in 0..<8 * area {
        result[(channel + index / area) * area + index % area] = sums[index % area][index / area]
      }
    }
    return result
  }
}
