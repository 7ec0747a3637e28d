// EfficientNet-Lite0 and EfficientNet-B0 for small images.

/// What the two have not in common.
private struct EfficientNetStyle {
  /// Channels of the squeezed image for each of a block's inputs, or nil for no squeeze-and-excitation.
  var reduction: Double?
  let activation: (_ name: String) -> any Layer
}

extension Architecture {
  /// EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation and with ReLU6
  /// (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite; the base is Tan & Le 2019,
  /// https://arxiv.org/abs/1905.11946). Inverted residual blocks (Sandler et al. 2018,
  /// https://arxiv.org/abs/1801.04381): widen with 1x1, depthwise, narrow with 1x1, each with batch norm.
  ///
  ///     conv_stem 3x3, 32 - blocks.0 16 - blocks.1 24, /2 - blocks.2 40, /2 - blocks.3 80, /2 - blocks.4 112
  ///     - blocks.5 192, /2 - blocks.6 320 - conv_head 1x1, 1280 - mean over the image - dropout - classifier
  ///
  /// Names as in timm's `efficientnet_lite0`, whose batch norm (momentum 0.1, eps 1e-5) and symmetric padding it has
  /// as well; TensorFlow's has 0.01, 1e-3 and pads at the lower right. For small images conv_stem has stride 1, not
  /// 2: 32x32 then ends in 2x2. Weights start by He et al. (fan-in), TensorFlow's by fan-out.
  ///
  /// 32x32x3 and ten classes: 3,383,818 parameters.
  func efficientNetLite0Layers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) -> Sequential {
    efficientNetLayers(
      EfficientNetStyle { ReLU6(name: $0) }, input: input, classes: classes, options: options, in: store)
  }

  /// EfficientNet-B0: the same blocks with squeeze-and-excitation to a quarter of a block's input channels and SiLU.
  /// Names as in timm's `efficientnet_b0`.
  func efficientNetB0Layers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) -> Sequential {
    efficientNetLayers(
      EfficientNetStyle(reduction: 0.25) { Activation(name: $0, function: .silu) }, input: input,
      classes: classes, options: options, in: store)
  }

  private func efficientNetLayers(
    _ style: EfficientNetStyle, input: InputShape, classes: Int, options: NetworkOptions,
    in store: ParameterStore
  ) -> Sequential {
    // Table 1 of the paper.
    let stages: [(expansion: Int, outputs: Int, count: Int, stride: Int, size: Int)] = [
      (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
      (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
    ]
    let total = stages.reduce(0) { $0 + $1.count }
    var layers: [any Layer] = [
      Convolution(
        "conv_stem", from: input.channels, to: 32, window: Window(size: 3, stride: 1, padding: 1),
        bias: false,
        in: store),
      BatchNormalization("bn1", channels: 32, in: store), style.activation("act1"),
    ]
    var channels = 32
    var number = 0
    for (index, stage) in stages.enumerated() {
      for block in 0..<stage.count {
        // The deeper, the more often left out, as in the TPU code.
        let rate = Float((options.dropPath ?? 0) * Double(number) / Double(total))
        layers += invertedResidual(
          "blocks.\(index).\(block)", style, from: channels, to: stage.outputs, expansion: stage.expansion,
          window: Window(size: stage.size, stride: block == 0 ? stage.stride : 1, padding: stage.size / 2),
          rate: rate, in: store)
        channels = stage.outputs
        number += 1
      }
    }
    layers += [
      Convolution(
        "conv_head", from: channels, to: 1280, window: Window(size: 1, stride: 1), bias: false, in: store),
      BatchNormalization("bn2", channels: 1280, in: store), style.activation("act2"),
      GlobalAveragePooling(name: "global_pool"),
    ]
    if let rate = options.dropout, rate > 0 { layers.append(Dropout(name: "dropout", rate: Float(rate))) }
    layers.append(Dense("classifier", from: 1280, to: classes, gain: Gain.linear, in: store))
    return Sequential(layers)
  }

  private func invertedResidual(
    _ name: String, _ style: EfficientNetStyle, from inputs: Int, to outputs: Int, expansion: Int,
    window: Window, rate: Float, in store: ParameterStore
  ) -> [any Layer] {
    let width = inputs * expansion
    var layers: [any Layer] = []
    var norms = 0
    func normalization(_ channels: Int) -> BatchNormalization {
      norms += 1
      return BatchNormalization("\(name).bn\(norms)", channels: channels, in: store)
    }
    func pointwise(_ part: String, from inputs: Int, to outputs: Int, gain: Double) -> Convolution {
      Convolution(
        "\(name).\(part)", from: inputs, to: outputs, window: Window(size: 1, stride: 1), bias: false,
        gain: gain, in: store)
    }
    if expansion > 1 {
      layers += [
        pointwise("conv_pw", from: inputs, to: width, gain: Gain.relu), normalization(width),
        style.activation("\(name).act\(norms)"),
      ]
    }
    layers += [
      Convolution("\(name).conv_dw", depthwise: width, window: window, bias: false, in: store),
      normalization(width), style.activation("\(name).act\(norms)"),
    ]
    if let reduction = style.reduction {
      let reduced = Int((Double(inputs) * reduction).rounded())
      layers.append(SqueezeExcitation("\(name).se", channels: width, reduced: reduced, in: store))
    }
    // timm calls the last one conv_pw where nothing was widened.
    layers += [
      pointwise(expansion > 1 ? "conv_pwl" : "conv_pw", from: width, to: outputs, gain: Gain.linear),
      normalization(outputs),
    ]
    guard inputs == outputs, window.stride == 1 else { return layers }
    layers.append(StochasticDepth(name: "\(name).drop_path", rate: rate))
    return [Shortcut(name: name, branch: Sequential(layers))]
  }
}
