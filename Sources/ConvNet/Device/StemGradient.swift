// The gradient of the weights of a convolution over few channels, as a network's first is: oneDNN 2.6 takes it at a tenth
// of the rate of its other convolutions.

import CImageLoops

/// Gives each thread its share of the images and sums of its own, which are added at the end.
final class StemGradient: Kernel {
  static let mostChannels = 4

  private let loops: optplug_image_loops
  private let threads: Threads
  private let window: Window
  private let input, gradient, weight, scratch: Tensor
  private let bias: Tensor?
  private let padded: (height: Int, width: Int)
  /// Taps of a window over all channels, and the bias.
  private let terms: Int
  /// A thread's part of the scratch memory, in floats: the sums, then at `image` a padded image.
  private let share: (image: Int, floats: Int)
  private var lanes: Int { Int(loops.lanes) }
  private var channels: Int { input.shape[1] }
  private var outputs: Int { gradient.shape[1] }

  /// Whether these loops know the convolution of an input in plain order.
  static func fits(_ loops: optplug_image_loops, input: [Int], weight: [Int], window: Window)
    -> Bool
  {
    window.stride == 1 && (window.size == 3 || window.size == 5) && weight[1] == input[1]
      && input[1] <= mostChannels && weight[0].isMultiple(of: Int(loops.lanes))
  }

  /// - Parameters:
  ///   - input: in plain order.
  ///   - gradient: in blocks of the loops' lanes.
  ///   - weight: where the gradient of the weights goes; `bias`, where that of the bias goes.
  ///   - memory: makes room for so many floats.
  init(
    _ loops: optplug_image_loops, input: Tensor, gradient: Tensor, weight: Tensor, bias: Tensor?,
    window: Window, threads: Threads, memory: (_ floats: Int) throws -> Tensor
  ) rethrows {
    self.loops = loops
    self.threads = threads
    self.window = window
    (self.input, self.gradient, self.weight, self.bias) = (input, gradient, weight, bias)
    padded = (input.shape[2] + 2 * window.padding, input.shape[3] + 2 * window.padding)
    terms = input.shape[1] * window.size * window.size + 1
    let image = AlignedMemory.roundUp(gradient.shape[1] * terms, to: 16)
    let floats = image + input.shape[1] * padded.height * padded.width
    share = (image, AlignedMemory.roundUp(floats, to: 16))
    scratch = try memory(threads.count * share.floats)
  }

  /// All that the operation reads or writes.
  var tensors: [Tensor] { [input, gradient, weight, scratch] + (bias.map { [$0] } ?? []) }

  func bind() {}

  func run() {
    let images = input.shape[0]
    threads.forRanges(threads.count, cost: Int(UInt16.max)) { workers in
      for worker in workers {
        add(images * worker / threads.count..<images * (worker + 1) / threads.count, to: worker)
      }
    }
    for output in 0..<outputs {
      let (block, lane) = (output / lanes, output % lanes)
      for term in 0..<terms {
        var sum: Float = 0
        for worker in 0..<threads.count {
          sum += scratch.floats[worker * share.floats + (block * terms + term) * lanes + lane]
        }
        if term < terms - 1 {
          weight.floats[output * (terms - 1) + term] = sum
        } else {
          bias?.floats[output] = sum
        }
      }
    }
  }

  private func add(_ images: Range<Int>, to worker: Int) {
    let sums = scratch.floats + worker * share.floats
    sums.update(repeating: 0, count: share.floats)
    let image = sums + share.image
    let (height, width) = (input.shape[2], input.shape[3])
    let slopes = outputs * gradient.shape[2] * gradient.shape[3]
    for number in images {
      for row in 0..<channels * height {
        let start =
          (row / height * padded.height + row % height + window.padding) * padded.width + window.padding
        (image + start).update(from: input.floats + (number * channels * height + row) * width, count: width)
      }
      loops.stem_gradient(
        image, Int32(channels), Int32(padded.height), Int32(padded.width), gradient.floats + number * slopes,
        Int32(outputs / lanes), Int32(window.size), sums)
    }
  }
}
