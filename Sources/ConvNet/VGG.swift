// VGG-16 with batch normalisation, for small images.

extension Architecture {
  /// VGG-16 (Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556, configuration D) with batch normalisation
  /// after each convolution, so that it trains from scratch, where the paper started from a shallower network's
  /// weights:
  ///
  ///     2 x 64 - pool - 2 x 128 - pool - 3 x 256 - pool - 3 x 512 - pool - 3 x 512 - pool: 3x3, bias, norm, ReLU;
  ///     max-pool 2
  ///     - mean over the image - classifier.0 512 - ReLU - dropout - classifier.3 512 - ReLU - dropout
  ///     - classifier.6 classes
  ///
  /// Names as in torchvision's `vgg16_bn`, and features.* as there (the biases before the norms included, which the
  /// norms make useless). A small image leaves one pixel, so the mean over the image stands for torchvision's 7x7,
  /// and the dense layers have 512 units, not 4096, as is usual for CIFAR. Images smaller than 32 are padded with
  /// zeros to 32: five poolings would leave nothing of 28.
  ///
  /// 32x32x3 and ten classes: 15,253,578 parameters.
  func vgg16Layers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) throws -> Sequential {
    let window = Window(size: 3, stride: 1, padding: 1)
    let pool = Window(size: 2, stride: 2)
    var layers: [any Layer] = padding(input, to: 32).map { [$0] } ?? []
    var channels = input.channels
    var index = 0
    for (outputs, count) in [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)] {
      for _ in 0..<count {
        layers += [
          Convolution(
            "features.\(index)", from: channels, to: outputs, window: window, bias: true, in: store),
          BatchNormalization("features.\(index + 1)", channels: outputs, relu: true, in: store),
        ]
        channels = outputs
        index += 3
      }
      layers.append(MaxPooling(name: "features.\(index)", window: pool))
      index += 1
    }
    layers.append(GlobalAveragePooling(name: "avgpool"))
    for index in [0, 3] {
      layers += [
        Dense("classifier.\(index)", from: 512, to: 512, in: store), Rectifier("classifier.\(index + 1)"),
      ]
      if let rate = options.dropout, rate > 0 {
        layers.append(Dropout(name: "classifier.\(index + 2)", rate: Float(rate)))
      }
    }
    layers.append(Dense("classifier.6", from: 512, to: classes, gain: Gain.linear, in: store))
    return Sequential(layers)
  }

  /// Zeros around images with a side below `least`, or nil where none is.
  func padding(_ input: InputShape, to least: Int) -> ZeroPadding? {
    let (height, width) = (max(input.height, least), max(input.width, least))
    guard (height, width) != (input.height, input.width) else { return nil }
    return ZeroPadding(name: "pad", height: height, width: width)
  }
}
