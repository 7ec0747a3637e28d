// Convolution, its input gradient and its parameter gradients.

import COneDNN

extension OneDNNDevice {
  func convolution(
    _ input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String, on program: Program
  ) throws -> Tensor {
    let (weight, window) = try trimmed(weight, window, to: input, layer: layer, on: program)
    let chosen = try convolutionForward(input.shape, weight.shape, bias: bias != nil, window, layer)
    let output = program.tensor(
      outputShape(input.shape, weight.shape, window), try chosen.layout(dnnl_query_dst_md, "output", layer))
    let source = try chosen.layout(dnnl_query_src_md, "input", layer)
    if let plan = try winograd(
      .forward, input: input.shape, weight: weight.shape, output: output.shape, window: window,
      layouts: source, OneDNNLayout(of: output))
    {
      let kernel = try WinogradProduct(
        plan, source: reordered(input, to: source, layer: layer, on: program), weight: weight, bias: bias,
        target: output, threads: threads
      ) { try room(floats: $0, on: program) }
      program.emit(
        "\(layer) convolution", kernel.tensors, kernel, products: products(output.shape, weight.shape))
      return output
    }
    var arguments = [
      try Argument(
        DNNL_ARG_SRC_0,
        reordered(input, to: source, layer: layer, on: program)),
      try Argument(
        DNNL_ARG_WEIGHTS_0,
        reordered(
          weight, to: chosen.layout(dnnl_query_weights_md, "weight", layer), layer: layer, on: program)),
      try Argument(DNNL_ARG_DST_0, output),
    ]
    if let bias { arguments.append(try Argument(DNNL_ARG_BIAS, bias)) }
    try emit(
      "convolution", layer: layer, chosen, arguments, products: products(output.shape, weight.shape),
      on: program)
    return output
  }

  func convolutionInputGradient(
    _ gradient: Tensor, input: Tensor, weight: Tensor, window: Window, layer: String, on program: Program
  ) throws -> Tensor {
    // The weight's layout is left open: forcing the forward pass's drops oneDNN to its reference code.
    var description = dnnl_convolution_desc_t()
    try withDescriptors(
      anyLayout(input.shape), anyLayout(weight.shape), anyLayout(gradient.shape)
    ) { source, weight, output in
      let (strides, padding) = geometry(window)
      try check(
        dnnl_convolution_backward_data_desc_init(
          &description, dnnl_convolution_direct, source, weight, output, strides, padding, padding),
        "convolution input gradient", layer)
    }
    let hint = try convolutionForward(input.shape, weight.shape, bias: false, window, layer)
    let chosen = try descriptor("convolution input gradient", layer: layer, description, hint: hint)
    let result = program.tensor(
      input.shape, try chosen.layout(dnnl_query_diff_src_md, "input gradient", layer))
    let slopes = try chosen.layout(dnnl_query_diff_dst_md, "gradient", layer)
    if let plan = try winograd(
      .inputGradient, input: input.shape, weight: weight.shape, output: gradient.shape, window: window,
      layouts: slopes, OneDNNLayout(of: result))
    {
      let kernel = try WinogradProduct(
        plan, source: reordered(gradient, to: slopes, layer: layer, on: program), weight: weight, bias: nil,
        target: result, threads: threads
      ) { try room(floats: $0, on: program) }
      program.emit(
        "\(layer) convolution input gradient", kernel.tensors, kernel,
        products: products(gradient.shape, weight.shape))
      return result
    }
    let arguments = [
      try Argument(
        DNNL_ARG_DIFF_DST_0,
        reordered(gradient, to: slopes, layer: layer, on: program)),
      try Argument(
        DNNL_ARG_WEIGHTS_0,
        reordered(
          weight, to: chosen.layout(dnnl_query_weights_md, "weight", layer), layer: layer, on: program)),
      try Argument(DNNL_ARG_DIFF_SRC_0, result),
    ]
    try emit(
      "convolution input gradient", layer: layer, chosen, arguments,
      products: products(gradient.shape, weight.shape), on: program)
    return result
  }

  func convolutionParameterGradients(
    _ gradient: Tensor, input: Tensor, weight: Tensor, bias: Tensor?, window: Window, layer: String,
    on program: Program
  ) throws {
    var description = dnnl_convolution_desc_t()
    try withDescriptors(
      anyLayout(input.shape), anyLayout(weight.shape), anyLayout(gradient.shape)
    ) { source, weight, output in
      try withDescriptors(plainVector(gradient.shape[1])) { biasDescriptor in
        let (strides, padding) = geometry(window)
        try check(
          dnnl_convolution_backward_weights_desc_init(
            &description, dnnl_convolution_direct, source, weight, bias == nil ? nil : biasDescriptor, output,
            strides, padding, padding),
          "convolution parameter gradients", layer)
      }
    }
    let hint = try convolutionForward(input.shape, weight.shape, bias: bias != nil, window, layer)
    let chosen = try descriptor("convolution parameter gradients", layer: layer, description, hint: hint)
    let (source, slopes) = (
      try chosen.layout(dnnl_query_src_md, "input", layer),
      try chosen.layout(dnnl_query_diff_dst_md, "gradient", layer)
    )
    if let plan = try winograd(
      .weightGradient, input: input.shape, weight: weight.shape, output: gradient.shape, window: window,
      layouts: source, slopes)
    {
      let kernel = try WinogradWeightGradient(
        plan, input: reordered(input, to: source, layer: layer, on: program),
        gradient: reordered(gradient, to: slopes, layer: layer, on: program), weight: weight, bias: bias,
        threads: threads
      ) { try room(floats: $0, on: program) }
      program.emit(
        "\(layer) convolution parameter gradients", kernel.tensors, kernel,
        products: products(gradient.shape, weight.shape))
      return
    }
    if let loops = try stemLoops(input, weight.shape, slopes, window) {
      let kernel = try StemGradient(
        loops, input: input, gradient: reordered(gradient, to: slopes, layer: layer, on: program),
        weight: weight, bias: bias, window: window, threads: threads
      ) { try room(floats: $0, on: program) }
      program.emit(
        "\(layer) convolution parameter gradients", kernel.tensors, kernel,
        products: products(gradient.shape, weight.shape))
      return
    }
    let wanted = try chosen.layout(dnnl_query_diff_weights_md, "weight gradient", layer)
    let direct = try OneDNNLayout(of: weight) == wanted
    let result = direct ? weight : program.tensor(weight.shape, wanted)
    var arguments = [
      try Argument(
        DNNL_ARG_SRC_0,
        reordered(input, to: source, layer: layer, on: program)),
      try Argument(
        DNNL_ARG_DIFF_DST_0,
        reordered(gradient, to: slopes, layer: layer, on: program)),
      try Argument(DNNL_ARG_DIFF_WEIGHTS_0, result),
    ]
    if let bias { arguments.append(try Argument(DNNL_ARG_DIFF_BIAS, bias)) }
    try emit(
      "convolution parameter gradients", layer: layer, chosen, arguments,
      products: products(gradient.shape, weight.shape), on: program)
    if !direct { try reorder(result, to: weight, layer: layer, on: program) }
  }

  /// The forward primitive: what runs, and the hint for both backward ones.
  private func convolutionForward(
    _ input: [Int], _ weight: [Int], bias: Bool, _ window: Window, _ layer: String
  ) throws -> PrimitiveDescriptor {
    var description = dnnl_convolution_desc_t()
    try withDescriptors(
      anyLayout(input), anyLayout(weight), anyLayout(outputShape(input, weight, window))
    ) { source, weightDescriptor, output in
      try withDescriptors(plainVector(weight[0])) { biasDescriptor in
        let (strides, padding) = geometry(window)
        try check(
          dnnl_convolution_forward_desc_init(
            &description, dnnl_forward_training, dnnl_convolution_direct, source, weightDescriptor,
            bias ? biasDescriptor : nil, output, strides, padding, padding),
          "convolution", layer)
      }
    }
    return try descriptor("convolution", layer: layer, description)
  }

  /// Of each of the three passes: two for every output, input channel and place in the window.
  func products(_ output: [Int], _ weight: [Int]) -> Double {
    2 * Double(output.reduce(1, *) * weight.dropFirst().reduce(1, *))
  }

  private func geometry(_ window: Window) -> (strides: [Int64], padding: [Int64]) {
    ([Int64(window.stride), Int64(window.stride)], [Int64(window.padding), Int64(window.padding)])
  }

  private func outputShape(_ input: [Int], _ weight: [Int], _ window: Window) -> [Int] {
    [input[0], weight[0], window.output(input[2]), window.output(input[3])]
  }
}

extension OneDNNDevice {
  func plainVector(_ count: Int) throws -> OneDNNLayout { try layout([count], dnnl_a) }

  typealias DescriptorPointer = UnsafePointer<dnnl_memory_desc_t>

  func withDescriptors(_ a: OneDNNLayout, _ body: (DescriptorPointer) throws -> Void) throws {
    try withUnsafePointer(to: a.descriptor, body)
  }

  func withDescriptors(
    _ a: OneDNNLayout, _ b: OneDNNLayout, _ c: OneDNNLayout,
    _ body: (DescriptorPointer, DescriptorPointer, DescriptorPointer) throws -> Void
  ) throws {
    try withUnsafePointer(to: a.descriptor) { a in
      try withUnsafePointer(to: b.descriptor) { b in
        try withUnsafePointer(to: c.descriptor) { try body(a, b, $0) }
      }
    }
  }
}
