// Which convolutions take fewer multiplications by Winograd's algorithm, and how their tiles lie.

import CImageLoops

/// Tiles of a 3x3 or 5x5 convolution with stride 1: 6x6 inputs give m x m outputs, with 36 products a pair of channels
/// in place of m·m·r·r (Lavin & Gray 2015, https://arxiv.org/abs/1509.09308).
struct WinogradPlan {
  /// The convolution's output that tiles cover, or the input for its gradient.
  enum Pass {
    case forward
    case inputGradient
    case weightGradient
  }

  /// Fewer channels leave the transforms more work than the products save.
  static let fewestChannels = 32
  /// Smallest ratio of the definition's products to ours that pays for the transforms.
  static let leastGain = 1.3

  let loops: optplug_image_loops
  let pass: Pass
  let window: Int
  let padding: Int
  let images: Int
  let inputs, outputs: Int
  let inputSize, outputSize: (height: Int, width: Int)

  /// nil where the definition is as fast, or the window or stride is another.
  init?(
    _ pass: Pass, input: [Int], weight: [Int], output: [Int], window: Window,
    loops: optplug_image_loops
  ) {
    guard window.stride == 1, window.size == 3 || window.size == 5, window.padding < window.size else {
      return nil
    }
    // The whole number of channels, so that no convolution in groups is taken for one that is not.
    guard weight == [output[1], input[1], window.size, window.size] else { return nil }
    self.loops = loops
    self.pass = pass
    self.window = window.size
    padding = window.padding
    images = input[0]
    (inputs, outputs) = (input[1], output[1])
    (inputSize, outputSize) = ((input[2], input[3]), (output[2], output[3]))
    // Inputs and outputs of the products.
    let (sources, targets) = pass == .inputGradient ? (outputs, inputs) : (inputs, outputs)
    guard sources.isMultiple(of: lanes), targets.isMultiple(of: Int(loops.panel)) else { return nil }
    guard min(inputs, outputs) >= Self.fewestChannels, gain >= Self.leastGain else { return nil }
  }

  static let places = optplug_winograd_places
  /// Channels of a block.
  var lanes: Int { Int(loops.lanes) }

  /// Rows and columns of outputs of a tile.
  var step: Int { 7 - window }
  private var covered: (height: Int, width: Int) { pass == .inputGradient ? inputSize : outputSize }
  var down: Int { (covered.height + step - 1) / step }
  var across: Int { (covered.width + step - 1) / step }
  var tiles: Int { images * down * across }

  /// Products by the definition over products here.
  private var gain: Double {
    Double(outputSize.height * outputSize.width * window * window) / Double(Self.places * down * across)
  }

  /// Images of `size` as the tiles see them.
  func images(
    _ values: UnsafeMutablePointer<Float>, channels: Int, _ size: (height: Int, width: Int), padding: Int
  ) -> optplug_winograd_images {
    optplug_winograd_images(
      values: values, channels: Int32(channels), height: Int32(size.height), width: Int32(size.width),
      step: Int32(step), padding: Int32(padding), down: Int32(down), across: Int32(across))
  }
}

/// Memory for transformed tiles of some channels.
struct WinogradTiles {
  let rows: Int
  let channels: Int

  /// Floats from place to place. A cache line more than needed: places a multiple of the page size apart would
  /// push each other out of the cache.
  var stride: Int { rows * channels + 16 }
  var floats: Int { WinogradPlan.places * stride }

  func at(_ values: UnsafeMutablePointer<Float>) -> optplug_winograd_tiles {
    optplug_winograd_tiles(values: values, stride: stride, rows: Int32(rows))
  }
}
