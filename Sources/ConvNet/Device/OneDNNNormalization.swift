// Batch normalisation, with a ReLU in the same pass where asked for, and its running statistics.

import COneDNN

extension OneDNNDevice {
  func normalization(
    _ input: Tensor, _ affine: ScaleShift, epsilon: Float, relu: Bool, layer: String, on program: Program
  ) throws -> (output: Tensor, state: NormalizationState) {
    let chosen = try normalizationForward(
      input, dnnl_forward_training, epsilon, flags(relu: relu), layer)
    let channels = [input.shape[1]]
    let state = NormalizationState(
      input: input, mean: program.tensor(channels, try plainLayout(channels)),
      variance: program.tensor(channels, try plainLayout(channels)),
      workspace: chosen.layout(dnnl_query_workspace_md).map { program.tensor([$0.byteCount], $0) })
    let output = program.tensor(input.shape, input.layout)
    var arguments = [
      try Argument(DNNL_ARG_SRC_0, input), try Argument(DNNL_ARG_DST_0, output),
      try Argument(DNNL_ARG_SCALE, affine.scale), try Argument(DNNL_ARG_SHIFT, affine.shift),
      try Argument(DNNL_ARG_MEAN, state.mean), try Argument(DNNL_ARG_VARIANCE, state.variance),
    ]
    if let workspace = state.workspace { arguments.append(try Argument(DNNL_ARG_WORKSPACE, workspace)) }
    try emit("normalization", layer: layer, chosen, arguments, on: program)
    return (output, state)
  }

  func normalizationInference(
    _ input: Tensor, _ affine: ScaleShift, mean: Tensor, variance: Tensor, epsilon: Float, layer: String,
    on program: Program
  ) throws -> Tensor {
    let chosen = try normalizationForward(
      input, dnnl_forward_inference, epsilon, flags(relu: false) | UInt32(optplug_norm_global_stats), layer)
    let output = program.tensor(input.shape, input.layout)
    try emit(
      "normalization", layer: layer, chosen,
      [
        Argument(DNNL_ARG_SRC_0, input), Argument(DNNL_ARG_DST_0, output),
        Argument(DNNL_ARG_SCALE, affine.scale), Argument(DNNL_ARG_SHIFT, affine.shift),
        Argument(DNNL_ARG_MEAN, mean), Argument(DNNL_ARG_VARIANCE, variance),
      ], on: program)
    return output
  }

  func normalizationBackward(
    _ gradient: Tensor, _ state: NormalizationState, _ affine: ScaleShift, gradients: ScaleShift,
    epsilon: Float, relu: Bool, layer: String, on program: Program
  ) throws -> Tensor {
    let input = state.input
    let layout = try OneDNNLayout(of: input)
    let gradient = try reordered(gradient, to: layout, layer: layer, on: program)
    var description = dnnl_batch_normalization_desc_t()
    try withDescriptors(layout) {
      try check(
        dnnl_batch_normalization_backward_desc_init(
          &description, dnnl_backward, $0, $0, epsilon, flags(relu: relu)), "normalization gradients", layer)
    }
    let hint = try normalizationForward(input, dnnl_forward_training, epsilon, flags(relu: relu), layer)
    let chosen = try descriptor("normalization gradients", layer: layer, description, hint: hint)
    let result = program.tensor(input.shape, input.layout)
    var arguments = [
      try Argument(DNNL_ARG_SRC_0, input), try Argument(DNNL_ARG_DIFF_DST_0, gradient),
      try Argument(DNNL_ARG_DIFF_SRC_0, result), try Argument(DNNL_ARG_MEAN, state.mean),
      try Argument(DNNL_ARG_VARIANCE, state.variance), try Argument(DNNL_ARG_SCALE, affine.scale),
      // The shift does not enter the formulas, but 2.6 reads its address.
      try Argument(DNNL_ARG_SHIFT, affine.shift), try Argument(DNNL_ARG_DIFF_SCALE, gradients.scale),
      try Argument(DNNL_ARG_DIFF_SHIFT, gradients.shift),
    ]
    if let workspace = state.workspace { arguments.append(try Argument(DNNL_ARG_WORKSPACE, workspace)) }
    try emit("normalization gradients", layer: layer, chosen, arguments, on: program)
    return result
  }

  func updateRunningStatistics(
    mean: Tensor, variance: Tensor, from state: NormalizationState, momentum: Float, values: Int,
    on program: Program
  ) {
    let channels = mean.elementCount
    // oneDNN's variance divides by n, the running one by n - 1, as in PyTorch.
    let unbias = Float(values) / Float(values - 1)
    let step = program.step
    let kernel = LoopKernel {
      let (runningMean, runningVariance) = (mean.floats, variance.floats)
      let (batchMean, batchVariance) = (state.mean.floats, state.variance.floats)
      for channel in 0..<channels {
        // oneDNN's fused ReLU turns NaN into 0, so that the loss would look healthy. One NaN or infinity in a
        // channel always shows in its statistics, which are at hand here.
        if !batchVariance[channel].isFinite { step.diverged = true }
        if step.isRepeated { continue }
        runningMean[channel] += momentum * (batchMean[channel] - runningMean[channel])
        runningVariance[channel] += momentum * (unbias * batchVariance[channel] - runningVariance[channel])
      }
    }
    program.emit("running statistics", [mean, variance, state.mean, state.variance], kernel)
  }

  private func flags(relu: Bool) -> UInt32 {
    UInt32(optplug_norm_scale_shift) | (relu ? UInt32(optplug_norm_relu) : 0)
  }

  private func normalizationForward(
    _ input: Tensor, _ kind: dnnl_prop_kind_t, _ epsilon: Float, _ flags: UInt32, _ layer: String
  ) throws -> PrimitiveDescriptor {
    var description = dnnl_batch_normalization_desc_t()
    try withDescriptors(OneDNNLayout(of: input)) {
      try check(
        dnnl_batch_normalization_forward_desc_init(&description, kind, $0, epsilon, flags), "normalization",
        layer)
    }
    return try descriptor("normalization", layer: layer, description)
  }
}
