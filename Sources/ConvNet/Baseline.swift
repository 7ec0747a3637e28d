// The baseline: a plain deep network between LeNet and ResNet-18.

extension Architecture {
  /// Pairs of 3x3 convolutions in the manner of VGG (Simonyan & Zisserman 2015, https://arxiv.org/abs/1409.1556)
  /// with batch normalisation, LeakyReLU and dropout:
  ///
  ///     3 blocks of 32, 64, 128 channels, each: 2 x (conv 3x3, no bias - norm - LeakyReLU 0.01)
  ///       - max-pool 2 - dropout 0.25
  ///     fc1 256 - LeakyReLU 0.01 - dropout 0.5 - fc2 classes
  ///
  /// 28x28x1 and ten classes: 584,618 parameters, 29 million multiply-adds an image forward.
  func baselineLayers(
    input: InputShape, classes: Int, dropout: Bool, in store: ParameterStore
  ) throws -> Sequential {
    let slope: Float = 0.01
    let gain = Gain.leakyReLU(slope: slope)
    let window = Window(size: 3, stride: 1, padding: 1)
    let pool = Window(size: 2, stride: 2)
    var layers: [any Layer] = []
    var channels = input.channels
    var (height, width) = (input.height, input.width)
    for (index, outputs) in [32, 64, 128].enumerated() {
      let block = "block\(index + 1)"
      let pooling = MaxPooling(name: "\(block).pool", window: pool)
      for part in 1...2 {
        layers += [
          Convolution(
            "\(block).conv\(part)", from: channels, to: outputs, window: window, bias: false, gain: gain,
            in: store),
          BatchNormalization("\(block).bn\(part)", channels: outputs, in: store),
        ]
        // LeakyReLU after the pooling: it grows with its argument, so the numbers are the same, of a quarter of the
        // values.
        if part == 2 { layers.append(pooling) }
        layers.append(Rectifier("\(block).relu\(part)", slope: slope))
        channels = outputs
      }
      (height, width) = (pool.output(height), pool.output(width))
      guard height > 0, width > 0 else { throw refuse(input, at: "\(block).pool", minimum: 8) }
      if dropout { layers.append(Dropout(name: "\(block).dropout", rate: 0.25)) }
    }
    layers += [
      Flatten(name: "flatten"),
      Dense("fc1", from: channels * height * width, to: 256, gain: gain, in: store),
      Rectifier("relu", slope: slope),
    ]
    if dropout { layers.append(Dropout(name: "dropout", rate: 0.5)) }
    layers.append(Dense("fc2", from: 256, to: classes, gain: Gain.linear, in: store))
    return Sequential(layers)
  }
}
