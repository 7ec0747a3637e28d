// The gradient of a convolution's weights by Winograd's algorithm.

import CImageLoops

/// Sums products of transformed inputs and transformed gradients over all tiles, and transforms the sums back.
///
/// Where one set of sums is small, each thread has its own and goes through its share of the tiles alone; the sets are
/// added at the end. Where it is large, there are few tiles: threads share tiles while transforming and places while
/// multiplying, and so meet twice for each lot.
final class WinogradWeightGradient: Kernel {
  /// Largest product of input and output channels whose sums each thread has for itself: 2.4 MB.
  private static let ownSums = 128 * 128

  private let plan: WinogradPlan
  private let threads: Threads
  private let input, gradient, weight, sums, scratch: Tensor
  private let bias: Tensor?
  private let inputTiles, gradientTiles: WinogradTiles
  /// Floats from place to place in a set of sums.
  private let sumStride: Int
  /// Sets of sums, each with room for a lot of tiles.
  private let sets: Int
  private var setFloats: Int { WinogradPlan.places * sumStride }
  private var lotFloats: Int { inputTiles.floats + gradientTiles.floats }

  /// - Parameters:
  ///   - weight: where the gradient of the weights goes.
  ///   - bias: where that of the bias goes, if there is one.
  ///   - memory: makes room for so many floats.
  init(
    _ plan: WinogradPlan, input: Tensor, gradient: Tensor, weight: Tensor, bias: Tensor?, threads: Threads,
    memory: (_ floats: Int) throws -> Tensor
  ) rethrows {
    self.plan = plan
    self.threads = threads
    (self.input, self.gradient, self.weight, self.bias) = (input, gradient, weight, bias)
    sets = plan.inputs * plan.outputs <= Self.ownSums ? threads.count : 1
    // Alone: a lot in the second cache. Together: as few lots as fit the last one, so that threads seldom meet.
    let rows = sets > 1 || threads.count == 1 ? 32 : 384
    inputTiles = WinogradTiles(rows: min(rows, plan.tiles), channels: plan.inputs)
    gradientTiles = WinogradTiles(rows: min(rows, plan.tiles), channels: plan.outputs)
    sumStride = plan.inputs * plan.outputs + 16
    sums = try memory(sets * WinogradPlan.places * sumStride)
    scratch = try memory(sets * (inputTiles.floats + gradientTiles.floats))
  }

  /// All that the operation reads or writes.
  var tensors: [Tensor] { [input, gradient, weight, sums, scratch] + (bias.map { [$0] } ?? []) }

  func bind() {}

  func run() {
    if sets > 1 {
      threads.forRanges(sets, cost: Int(UInt16.max)) { range in
        for set in range {
          addProducts(
            of: plan.tiles * set / sets..<plan.tiles * (set + 1) / sets, to: set, threads: Threads(count: 1))
        }
      }
      addSets()
    } else {
      addProducts(of: 0..<plan.tiles, to: 0, threads: threads)
    }
    threads.forRanges(plan.inputs, cost: plan.outputs * WinogradPlan.places) { range in
      plan.loops.winograd_weight_gradient(
        sums.floats, sumStride, Int32(plan.outputs), Int32(plan.inputs), Int32(plan.window), weight.floats,
        Int32(range.lowerBound), Int32(range.upperBound))
    }
    if let bias { sumChannels(into: bias.floats) }
  }

  /// Fills a set of sums from some tiles, a lot at a time.
  private func addProducts(of tiles: Range<Int>, to set: Int, threads: Threads) {
    let images = plan.images(input.floats, channels: plan.inputs, plan.inputSize, padding: plan.padding)
    let slopes = plan.images(gradient.floats, channels: plan.outputs, plan.outputSize, padding: 0)
    let memory = scratch.floats + set * lotFloats
    let (inputs, gradients) = (inputTiles.at(memory), gradientTiles.at(memory + inputTiles.floats))
    let sums = sums.floats + set * setFloats
    let (step, rows) = (Int32(plan.step), inputTiles.rows)
    threads.forRanges(WinogradPlan.places, cost: sumStride) { range in
      (sums + range.lowerBound * sumStride).update(repeating: 0, count: range.count * sumStride)
    }
    for first in stride(from: tiles.lowerBound, to: tiles.upperBound, by: rows) {
      let count = min(rows, tiles.upperBound - first)
      threads.forRanges(count, cost: Int(UInt16.max)) { range in
        let (start, length) = (Int32(range.lowerBound), Int32(range.count))
        var (images, slopes, inputs, gradients) = (images, slopes, inputs, gradients)
        plan.loops.winograd_input(&images, Int32(first) + start, length, &inputs, start)
        plan.loops.winograd_gradient(&slopes, step, Int32(first) + start, length, &gradients, start)
      }
      threads.forRanges(WinogradPlan.places, cost: Int(UInt16.max)) { range in
        var (inputs, gradients) = (inputs, gradients)
        for place in range {
          plan.loops.winograd_accumulate(
            &inputs, Int32(plan.inputs), &gradients, Int32(plan.outputs), Int32(count), Int32(place),
            sums + place * sumStride)
        }
      }
    }
  }

  /// Adds all sets to the first.
  private func addSets() {
    let (total, length) = (UnsafeMutableRawPointer(sums.floats), setFloats)
    // Whole vectors: a set is a multiple of a cache line long.
    threads.forRanges(length / 8, cost: 8 * sets) { range in
      for vector in range {
        var sum = total.load(fromByteOffset: vector * 32, as: SIMD8<Float>.self)
        for set in 1..<sets {
          sum += total.load(fromByteOffset: (set * length + vector * 8) * 4, as: SIMD8<Float>.self)
        }
        total.storeBytes(of: sum, toByteOffset: vector * 32, as: SIMD8<Float>.self)
      }
    }
  }

  /// Sums of the gradient over images and places, eight channels at a time.
  private func sumChannels(into bias: UnsafeMutablePointer<Float>) {
    let lanes = plan.lanes
    let blocks = BlockedImages(
      images: plan.images, channels: plan.outputs, blocks: plan.outputs / lanes,
      height: plan.outputSize.height, width: plan.outputSize.width, lanes: lanes)
    threads.forRanges(blocks.blocks, cost: blocks.images * blocks.plane) { range in
      for block in range {
        for first in stride(from: 0, to: lanes, by: 8) {
          var total = SIMD8<Float>()
          for image in 0..<blocks.images {
            // A sum for each image first: one running sum over a million values would lose digits.
            total += sumPixels(
              gradient.floats + (image * blocks.blocks + block) * blocks.plane + first, blocks)
          }
          store8(total, bias + block * lanes + first)
        }
      }
    }
  }
}
