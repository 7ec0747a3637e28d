// ConvNeXt-T for small images.

extension Architecture {
  /// ConvNeXt-T (Liu et al. 2022, https://arxiv.org/abs/2201.03545), with the names of torchvision's `convnext_tiny`:
  ///
  ///     features.0 2x2, 96, /2 - norm - 3 blocks of 96 - norm, 2x2, 192, /2 - 3 blocks - norm, 2x2, 384, /2 - 9 blocks
  ///     - norm, 2x2, 768, /2 - 3 blocks - mean over the image - norm - classifier.2 classes
  ///
  /// A block: x + scale * fc(GELU(fc(norm(depthwise 7x7(x))))), four times as wide inside; norms are over the channels
  /// of a pixel; the scales start at 1e-6; the branches are left out by chance, the last with the rate of the option,
  /// earlier ones in proportion (paper: 0.1 for this size).
  ///
  /// The paper's first convolution is 4x4 with stride 4, which leaves 8x8 of 32x32 and 1x1 in the last stage. Here
  /// it is 2x2 with stride 2, so that the stages see 16x16 to 2x2. Images smaller than 32 are padded with zeros to
  /// 32, so that no stage drops a row.
  ///
  /// Weights start normal with deviation 0.02 as in the paper; torchvision cuts them at ±2, a hundred deviations, which
  /// none reaches. Biases start at 0.
  ///
  /// 32x32x3 and ten classes: 27,824,362 parameters.
  func convNeXtTinyLayers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) throws -> Sequential {
    let start = Initialization.normal(deviation: 0.02)
    let depths = [3, 3, 9, 3]
    let widths = [96, 192, 384, 768]
    let half = Window(size: 2, stride: 2)
    let blocks = depths.reduce(0, +)
    var layers: [any Layer] = padding(input, to: 32).map { [$0] } ?? []
    layers += [
      Convolution(
        "features.0.0", from: input.channels, to: widths[0], window: half, bias: true, start: start,
        in: store),
      ChannelNormalization("features.0.1", channels: widths[0], in: store),
    ]
    var number = 0
    for (stage, width) in widths.enumerated() {
      if stage > 0 {
        let name = "features.\(2 * stage)"
        layers += [
          ChannelNormalization("\(name).0", channels: widths[stage - 1], in: store),
          Convolution(
            "\(name).1", from: widths[stage - 1], to: width, window: half, bias: true, start: start, in: store
          ),
        ]
      }
      for block in 0..<depths[stage] {
        let rate = (options.dropPath ?? 0) * Double(number) / Double(blocks - 1)
        layers.append(
          convNeXtBlock(
            "features.\(2 * stage + 1).\(block)", width: width, rate: Float(rate), start: start, in: store))
        number += 1
      }
    }
    layers += [
      GlobalAveragePooling(name: "avgpool"),
      ChannelNormalization("classifier.0", channels: widths[3], in: store),
      Dense("classifier.2", from: widths[3], to: classes, start: start, in: store),
    ]
    return Sequential(layers)
  }

  private func convNeXtBlock(
    _ name: String, width: Int, rate: Float, start: Initialization, in store: ParameterStore
  ) -> Shortcut {
    // PyTorch lists a module's own parameters before those of its parts.
    let scale = LayerScale("\(name).layer_scale", channels: width, in: store)
    return Shortcut(
      name: name,
      branch: Sequential([
        Convolution(
          "\(name).block.0", depthwise: width, window: Window(size: 7, stride: 1, padding: 3), bias: true,
          start: start, in: store),
        ChannelNormalization("\(name).block.2", channels: width, in: store),
        Convolution(
          "\(name).block.3", pointwiseFrom: width, to: 4 * width, start: start, in: store),
        Activation(name: "\(name).block.4", function: .gelu),
        Convolution(
          "\(name).block.5", pointwiseFrom: 4 * width, to: width, start: start, in: store),
        scale,
        StochasticDepth(name: "\(name).stochastic_depth", rate: rate),
      ]))
  }
}
