// ResNet-18 for small images.

extension Architecture {
  /// ResNet-18 (He et al. 2016, https://arxiv.org/abs/1512.03385) as used for CIFAR: a 3x3 stem with stride 1
  /// and no pooling after it, then four stages of two basic blocks:
  ///
  ///     conv1 3x3, 64 - bn1 - ReLU - layer1 64 - layer2 128, /2 - layer3 256, /2 - layer4 512, /2
  ///     - mean over the image - fc classes
  ///
  /// Names as in torchvision. 32x32x3 and ten classes: 62 tensors, 11,173,962 parameters.
  func resnet18Layers(input: InputShape, classes: Int, in store: ParameterStore) throws -> Sequential {
    var layers: [any Layer] = [
      Convolution(
        "conv1", from: input.channels, to: 64, window: Window(size: 3, stride: 1, padding: 1), bias: false,
        in: store),
      BatchNormalization("bn1", channels: 64, relu: true, in: store),
    ]
    var channels = 64
    for (stage, outputs) in [64, 128, 256, 512].enumerated() {
      for block in 0..<2 {
        layers.append(
          ResidualBlock(
            "layer\(stage + 1).\(block)", from: channels, to: outputs,
            stride: stage > 0 && block == 0 ? 2 : 1, in: store))
        channels = outputs
      }
    }
    layers += [
      GlobalAveragePooling(name: "avgpool"),
      Dense("fc", from: channels, to: classes, gain: Gain.linear, in: store),
    ]
    return Sequential(layers)
  }
}
