// The small set of primitives that layers are made of; another device is another implementation of it.

/// Geometry of a square 2-D convolution or pooling window.
struct Window: Equatable {
  var size: Int
  var stride: Int
  var padding: Int = 0

  /// Such as `3x3 /2`.
  var description: String { "\(size)x\(size)" + (stride == 1 ? "" : " /\(stride)") }

  /// Output extent for an input extent; zero or less where nothing fits.
  func output(_ extent: Int) -> Int {
    extent + 2 * padding < size ? 0 : (extent + 2 * padding - size) / stride + 1
  }

  /// Where the window of an output position begins in the input, and which of its rows (or columns) are not padding.
  func extent(_ position: Int, within length: Int) -> (start: Int, inside: Range<Int>) {
    let start = position * stride - padding
    return (start, max(0, -start)..<min(size, length - start))
  }
}

/// What batch normalisation's forward pass leaves for its backward pass.
struct NormalizationState {
  let input: Tensor
  let mean: Tensor
  let variance: Tensor
  /// Which outputs a fused ReLU cut, where there is one.
  let workspace: Tensor?
}

/// Scale and shift of a batch normalisation, `[C]` each.
struct ScaleShift {
  let scale: Tensor
  let shift: Tensor
}

/// A device records operations on a program; nothing is computed before the program runs.
///
/// Shapes: images `[N, C, H, W]`, rows `[N, F]`. The device chooses layouts. "In place" primitives overwrite
/// their first argument. `layer` names the layer in errors. Equal inputs and thread counts give equal bits.
protocol Device: AnyObject {
  /// Row-major order, the order of parameters and of what callers pass and read.
  func plainLayout(_ shape: [Int]) throws -> any TensorLayout
  /// Called at the start of each step, on the thread that runs it.
  func prepareThread()

  // MARK: Data movement
  /// The step's images, `[N, C, H, W]` in plain order.
  func loadImages(_ shape: [Int], on program: Program) throws -> Tensor
  /// The same elements, in plain order.
  func plain(_ input: Tensor, layer: String, on program: Program) throws -> Tensor
  /// The same elements in the layout of `model`, which has the same shape; the tensor itself where it has it.
  func aligned(_ tensor: Tensor, with model: Tensor, layer: String, on program: Program) throws -> Tensor
  /// `[N, C, H, W]` to `[N, C*H*W]`.
  func flatten(_ input: Tensor, layer: String, on program: Program) throws -> Tensor
  /// `[N, C*H*W]` to the shape and layout of `model`.
  func unflatten(_ rows: Tensor, like model: Tensor, layer: String, on program: Program) throws -> Tensor
  /// `[N, C, H, W]` in the middle of zeros of `height` x `width`, in plain order.
  func padded(_ input: Tensor, height: Int, width: Int, layer: String, on program: Program) throws -> Tensor
  /// The middle of `height` x `width`, in plain order.
  func cropped(
    _ gradient: Tensor, height: Int, width: Int, layer: String, on program: Program
  ) throws -> Tensor

  // MARK: Convolution: weight [O, I, K, K], or [C, 1, 1, K, K] where each channel has a window of its own; bias [O]
  func convolution(
    _ input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String, on program: Program
  ) throws -> Tensor
  func convolutionInputGradient(
    _ gradient: Tensor, input: Tensor, weight: Tensor, window: Window, layer: String, on program: Program
  ) throws -> Tensor
  func convolutionParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String,
    on program: Program) throws
  func depthwiseParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String,
    on program: Program) throws

  // MARK: Inner product: weight [O, I], bias [O]
  func innerProduct(
    _ input: Tensor, weight: Tensor, bias: Tensor, layer: String, on program: Program
  ) throws -> Tensor
  func innerProductInputGradient(
    _ gradient: Tensor, input: Tensor, weight: Tensor, layer: String, on program: Program
  ) throws -> Tensor
  func innerProductParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor, layer: String, on program: Program
  ) throws

  // MARK: Batch normalisation
  /// By the batch's own statistics, with a ReLU after it where `relu`; that ReLU may turn NaN into 0.
  func normalization(
    _ input: Tensor, _ affine: ScaleShift, epsilon: Float, relu: Bool, layer: String, on program: Program
  ) throws -> (output: Tensor, state: NormalizationState)
  /// By given statistics.
  func normalizationInference(
    _ input: Tensor, _ affine: ScaleShift, mean: Tensor, variance: Tensor, epsilon: Float, layer: String,
    on program: Program
  ) throws -> Tensor
  /// Leaves `gradient` as it is and returns the input's gradient.
  func normalizationBackward(
    _ gradient: Tensor, _ state: NormalizationState, _ affine: ScaleShift, gradients: ScaleShift,
    epsilon: Float, relu: Bool, layer: String, on program: Program
  ) throws -> Tensor
  /// `running += momentum * (batch - running)`, with the unbiased variance of `values` values, but when the step is
  /// repeated. Statistics that are not finite mark the step as diverged.
  func updateRunningStatistics(
    mean: Tensor, variance: Tensor, from state: NormalizationState, momentum: Float, values: Int,
    on program: Program)

  // MARK: Elementwise, in place; all arguments in the same layout
  /// `x < 0 ? slope * x : x`.
  func rectify(_ input: Tensor, slope: Float, on program: Program)
  /// `gradient *= output <= 0 ? slope : 1`.
  func rectifyBackward(_ gradient: Tensor, output: Tensor, slope: Float, on program: Program)
  /// `input = max(input + other, 0)`.
  func addRectify(_ input: Tensor, _ other: Tensor, on program: Program)
  /// `input += other`.
  func add(_ input: Tensor, _ other: Tensor, on program: Program)
  /// `input *= other`.
  func multiply(_ input: Tensor, _ other: Tensor, on program: Program)
  /// Zeroes elements with probability `rate` and scales the rest by `1 / (1 - rate)`. The mask is a function
  /// of the step, `number` and the place in memory, so the same call on the gradient is the backward pass.
  func dropout(_ input: Tensor, rate: Float, number: UInt64, on program: Program)

  /// `min(max(x, 0), limit)`.
  func clamp(_ input: Tensor, limit: Float, on program: Program)
  /// Zeroes the gradient where the output is at one of the two bounds.
  func clampBackward(_ gradient: Tensor, output: Tensor, limit: Float, on program: Program)

  // MARK: Elementwise, to a new tensor
  func activation(_ input: Tensor, _ function: SmoothFunction, on program: Program) -> Tensor
  /// `gradient *= f'(input)`, in place; both in the same layout.
  func activationBackward(
    _ gradient: Tensor, input: Tensor, _ function: SmoothFunction, on program: Program)
  /// The same output once more, to a new tensor; leaves `f'(input)` in place of `input`.
  func activationAgain(_ input: Tensor, _ function: SmoothFunction, on program: Program) -> Tensor
  /// Zeroes whole images with probability `rate` and scales the others by `1 / (1 - rate)`. Which ones is a function of
  /// the step, `number` and the position in the batch, so the same call on the gradient is the backward pass.
  func dropImages(_ input: Tensor, rate: Float, number: UInt64, on program: Program) -> Tensor
  /// Every channel times a factor of its own, `[C]`, or one of its own in each image, `[N, C]`.
  func scaled(_ input: Tensor, by scale: Tensor, layer: String, on program: Program) throws -> Tensor
  /// The gradient of those factors, to `result`, `[C]` or `[N, C]`: sums of `gradient * input`.
  func scaleGradient(
    _ gradient: Tensor, input: Tensor, to result: Tensor, layer: String, on program: Program
  ) throws
  /// A tensor of rows that nothing has written yet.
  func rows(_ shape: [Int], on program: Program) throws -> Tensor

  // MARK: Layer normalisation over the channels of each pixel, or over rows
  func channelNormalization(
    _ input: Tensor, _ affine: ScaleShift, epsilon: Float, layer: String, on program: Program
  ) throws -> (output: Tensor, state: ChannelNormalizationState)
  /// The same output once more, to a new tensor.
  func channelNormalizationAgain(
    _ state: ChannelNormalizationState, _ affine: ScaleShift, layer: String, on program: Program
  ) -> Tensor
  /// Leaves `gradient` as it is and returns the input's gradient.
  func channelNormalizationBackward(
    _ gradient: Tensor, _ state: ChannelNormalizationState, _ affine: ScaleShift, gradients: ScaleShift,
    layer: String, on program: Program
  ) throws -> Tensor

  // MARK: Pooling
  /// Largest value of each window of up to 16x16, and which one it was (the first of equals; NaN is larger than
  /// any).
  func maxPool(
    _ input: Tensor, window: Window, layer: String, on program: Program
  ) throws -> (output: Tensor, choices: Tensor)
  func maxPoolBackward(
    _ gradient: Tensor, choices: Tensor, input: Tensor, window: Window, layer: String, on program: Program
  ) throws -> Tensor
  /// Mean of each window, in which padding counts as zeros.
  func averagePool(_ input: Tensor, window: Window, layer: String, on program: Program) throws -> Tensor
  func averagePoolBackward(
    _ gradient: Tensor, input: Tensor, window: Window, layer: String, on program: Program
  ) throws -> Tensor
  /// Mean over height and width, `[N, C]`.
  func globalAveragePool(_ input: Tensor, layer: String, on program: Program) throws -> Tensor
  func globalAveragePoolBackward(
    _ gradient: Tensor, input: Tensor, layer: String, on program: Program
  ) throws -> Tensor

  // MARK: Loss
  /// Softmax cross-entropy of `[N, K]` logits with the step's targets: sums and predictions go to the step's
  /// state; returns the gradient of the mean loss, or nil in inference mode.
  func softmaxLoss(_ logits: Tensor, on program: Program) throws -> Tensor?
}
