// Winograd's convolution and the gradient of its input, which is a convolution too.

import CImageLoops

/// Transforms the weights, then takes each thread through its share of the tiles: some at a time, so that their
/// transforms stay in the cache.
final class WinogradProduct: Kernel {
  /// Tiles at a time; enough that reading the weights anew for each lot does not count.
  private static let rows = 96

  private let plan: WinogradPlan
  private let threads: Threads
  private let source, weight, target, transformed, scratch: Tensor
  private let bias: Tensor?
  private let inputTiles, outputTiles: WinogradTiles
  private let weightStride: Int

  /// - Parameters:
  ///   - source: the convolution's input, or the gradient of its output.
  ///   - bias: of the outputs; nil for gradients.
  ///   - memory: makes room for so many floats.
  init(
    _ plan: WinogradPlan, source: Tensor, weight: Tensor, bias: Tensor?, target: Tensor, threads: Threads,
    memory: (_ floats: Int) throws -> Tensor
  ) rethrows {
    self.plan = plan
    self.threads = threads
    (self.source, self.weight, self.target, self.bias) = (source, weight, target, bias)
    let (inputs, outputs) = (source.shape[1], target.shape[1])
    let group = Int(plan.loops.group)
    let share = (plan.tiles + threads.count - 1) / threads.count
    let rows = min(Self.rows, (share + group - 1) / group * group)
    inputTiles = WinogradTiles(rows: rows, channels: inputs)
    outputTiles = WinogradTiles(rows: rows, channels: outputs)
    weightStride = inputs * outputs + 16
    transformed = try memory(WinogradPlan.places * weightStride)
    scratch = try memory(threads.count * (inputTiles.floats + outputTiles.floats))
  }

  /// All that the operation reads or writes.
  var tensors: [Tensor] { [source, weight, target, transformed, scratch] + (bias.map { [$0] } ?? []) }

  func bind() {}

  func run() {
    let (inputs, outputs) = (inputTiles.channels, outputTiles.channels)
    let turned = plan.pass == .inputGradient
    let panel = Int(plan.loops.panel)
    threads.forRanges(outputs / panel, cost: panel * inputs * plan.window * plan.window) { range in
      plan.loops.winograd_weights(
        weight.floats, Int32(outputs), Int32(inputs), Int32(plan.window), turned, transformed.floats,
        weightStride, Int32(range.lowerBound), Int32(range.upperBound))
    }
    threads.forRanges(threads.count, cost: Int(UInt16.max)) { workers in
      for worker in workers {
        multiply(
          plan.tiles * worker / threads.count..<plan.tiles * (worker + 1) / threads.count,
          scratch.floats + worker * (inputTiles.floats + outputTiles.floats))
      }
    }
  }

  private func multiply(_ tiles: Range<Int>, _ memory: UnsafeMutablePointer<Float>) {
    let turned = plan.pass == .inputGradient
    var images = plan.images(
      source.floats, channels: inputTiles.channels, turned ? plan.outputSize : plan.inputSize,
      padding: turned ? plan.window - 1 - plan.padding : plan.padding)
    var results = plan.images(
      target.floats, channels: outputTiles.channels, turned ? plan.inputSize : plan.outputSize, padding: 0)
    var inputs = inputTiles.at(memory)
    var outputs = outputTiles.at(memory + inputTiles.floats)
    let group = Int(plan.loops.group)
    let shift = bias.map { UnsafePointer($0.floats) }
    for first in stride(from: tiles.lowerBound, to: tiles.upperBound, by: inputTiles.rows) {
      let count = min(inputTiles.rows, tiles.upperBound - first)
      plan.loops.winograd_input(&images, Int32(first), Int32(count), &inputs, 0)
      plan.loops.winograd_multiply(
        &inputs, Int32(inputTiles.channels), transformed.floats, weightStride, &outputs,
        Int32(outputTiles.channels), Int32((count + group - 1) / group * group))
      plan.loops.winograd_output(&outputs, Int32(plan.step), &results, Int32(first), Int32(count), shift)
    }
  }
}
