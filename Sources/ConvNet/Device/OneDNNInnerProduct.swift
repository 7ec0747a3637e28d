// Inner product (dense layer), its input gradient and its parameter gradients. All matrices are in plain order: in the
// layouts that oneDNN would choose for the weights, reordering them took a fifth of an MLP's step and won nothing.

import COneDNN

extension OneDNNDevice {
  func innerProduct(
    _ input: Tensor, weight: Tensor, bias: Tensor, layer: String, on program: Program
  ) throws -> Tensor {
    let chosen = try innerProductForward(input.shape, weight.shape, layer)
    let output = program.tensor(
      [input.shape[0], weight.shape[0]], try plainLayout([input.shape[0], weight.shape[0]]))
    try emit(
      "inner product", layer: layer, chosen,
      [
        Argument(DNNL_ARG_SRC_0, input),
        Argument(DNNL_ARG_WEIGHTS_0, weight),
        Argument(DNNL_ARG_BIAS, bias),
        Argument(DNNL_ARG_DST_0, output),
      ], products: products(output.shape, weight.shape), on: program)
    return output
  }

  func innerProductInputGradient(
    _ gradient: Tensor, input: Tensor, weight: Tensor, layer: String, on program: Program
  ) throws -> Tensor {
    var description = dnnl_inner_product_desc_t()
    try withDescriptors(
      layout(input.shape, dnnl_ab), layout(weight.shape, dnnl_ab), layout(gradient.shape, dnnl_ab)
    ) { source, weight, output in
      try check(
        dnnl_inner_product_backward_data_desc_init(&description, source, weight, output),
        "inner product input gradient", layer)
    }
    let hint = try innerProductForward(input.shape, weight.shape, layer)
    let chosen = try descriptor("inner product input gradient", layer: layer, description, hint: hint)
    let result = program.tensor(input.shape, try plainLayout(input.shape))
    try emit(
      "inner product input gradient", layer: layer, chosen,
      [
        Argument(DNNL_ARG_DIFF_DST_0, gradient),
        Argument(DNNL_ARG_WEIGHTS_0, weight),
        Argument(DNNL_ARG_DIFF_SRC_0, result),
      ], products: products(gradient.shape, weight.shape), on: program)
    return result
  }

  func innerProductParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor, layer: String, on program: Program
  ) throws {
    var description = dnnl_inner_product_desc_t()
    try withDescriptors(
      layout(input.shape, dnnl_ab), layout(weight.shape, dnnl_ab), layout(gradient.shape, dnnl_ab)
    ) { source, weight, output in
      try withDescriptors(plainVector(gradient.shape[1])) { bias in
        try check(
          dnnl_inner_product_backward_weights_desc_init(&description, source, weight, bias, output),
          "inner product parameter gradients", layer)
      }
    }
    let hint = try innerProductForward(input.shape, weight.shape, layer)
    let chosen = try descriptor("inner product parameter gradients", layer: layer, description, hint: hint)
    try emit(
      "inner product parameter gradients", layer: layer, chosen,
      [
        Argument(DNNL_ARG_SRC_0, input), Argument(DNNL_ARG_DIFF_DST_0, gradient),
        Argument(DNNL_ARG_DIFF_WEIGHTS_0, weight), Argument(DNNL_ARG_DIFF_BIAS, bias),
      ], products: products(gradient.shape, weight.shape), on: program)
  }

  private func innerProductForward(
    _ input: [Int], _ weight: [Int], _ layer: String
  ) throws -> PrimitiveDescriptor {
    var description = dnnl_inner_product_desc_t()
    try withDescriptors(
      layout(input, dnnl_ab), layout(weight, dnnl_ab), layout([input[0], weight[0]], dnnl_ab)
    ) { source, weightDescriptor, output in
      try withDescriptors(plainVector(weight[0])) { bias in
        try check(
          dnnl_inner_product_forward_desc_init(
            &description, dnnl_forward_training, source, weightDescriptor, bias, output),
          "inner product", layer)
      }
    }
    return try descriptor("inner product", layer: layer, description)
  }
}
