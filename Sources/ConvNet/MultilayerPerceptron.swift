// The multilayer perceptron.

extension Architecture {
  /// Fully connected layers on the image as one row, each hidden one followed by a ReLU, with batch normalisation
  /// before it (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167) and dropout after it by option:
  ///
  ///     fc1 512 - [bn1] - ReLU - [dropout] - fc2 256 - ... - fc3 128 - ... - fc4 classes
  ///
  /// 28x28x1, ten classes and the sizes 512, 256, 128: 567,434 parameters.
  func multilayerPerceptronLayers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) -> Sequential {
    var layers: [any Layer] = [Flatten(name: "flatten")]
    var width = input.count
    let sizes = options.hiddenSizes ?? []
    for (index, size) in sizes.enumerated() {
      let number = index + 1
      layers.append(Dense("fc\(number)", from: width, to: size, in: store))
      if options.batchNorm == true {
        layers.append(BatchNormalization("bn\(number)", channels: size, relu: true, in: store))
      } else {
        layers.append(Rectifier("relu\(number)"))
      }
      if let rate = options.dropout, rate > 0 {
        layers.append(Dropout(name: "dropout\(number)", rate: Float(rate)))
      }
      width = size
    }
    layers.append(Dense("fc\(sizes.count + 1)", from: width, to: classes, gain: Gain.linear, in: store))
    return Sequential(layers)
  }
}
