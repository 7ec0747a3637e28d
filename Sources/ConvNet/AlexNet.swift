// AlexNet for small images.

extension Architecture {
  /// AlexNet in the single-tower form (Krizhevsky 2014, https://arxiv.org/abs/1404.5997) that torchvision has, whose
  /// names the parameters bear:
  ///
  ///     features.0 5x5, 64 - ReLU - max-pool 3/2 - features.3 5x5, 192 - ReLU - max-pool 3/2
  ///     - features.6 3x3, 384 - ReLU - features.8 3x3, 256 - ReLU - features.10 3x3, 256 - ReLU - max-pool 3/2
  ///     - dropout - classifier.1 4096 - ReLU - dropout - classifier.4 4096 - ReLU - classifier.6 classes
  ///
  /// Made for 224x224, its first convolution of 11x11 with stride 4 would leave nothing of a small image. Here it is
  /// 5x5 with stride 1, as in Krizhevsky's own network for CIFAR-10
  /// (https://code.google.com/archive/p/cuda-convnet, layers-18pct). And classifier.1 takes the 256 maps as they
  /// are, 3x3 of 32x32 images and 2x2 of 28x28, where torchvision averages to 6x6.
  ///
  /// The dense layers start normal with deviation 0.01 as in Krizhevsky et al. 2012 (section 5): by He's rule, as
  /// the convolutions, the overlapping poolings would make the first logits large.
  func alexNetLayers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) throws -> Sequential {
    let pool = Window(size: 3, stride: 2)
    let start = Initialization.normal(deviation: 0.01)
    func extent(_ length: Int) -> Int { pool.output(pool.output(pool.output(length))) }
    let features = 256 * extent(input.height) * extent(input.width)
    guard features > 0 else { throw refuse(input, at: "features.12", minimum: 15) }
    func convolution(
      _ index: Int, from inputs: Int, to outputs: Int, size: Int, pooled: Bool = false
    ) -> [any Layer] {
      let convolution = Convolution(
        "features.\(index)", from: inputs, to: outputs,
        window: Window(size: size, stride: 1, padding: size / 2), bias: true, in: store)
      let rectifier = Rectifier("features.\(index + 1)")
      guard pooled else { return [convolution, rectifier] }
      // ReLU after the pooling: it grows with its argument, so the numbers are the same, of a quarter of the values.
      return [convolution, MaxPooling(name: "features.\(index + 2)", window: pool), rectifier]
    }
    func dropout(_ index: Int) -> [any Layer] {
      guard let rate = options.dropout, rate > 0 else { return [] }
      return [Dropout(name: "classifier.\(index)", rate: Float(rate))]
    }
    func dense(_ index: Int, from inputs: Int) -> [any Layer] {
      [
        Dense("classifier.\(index)", from: inputs, to: 4096, start: start, in: store),
        Rectifier("classifier.\(index + 1)"),
      ]
    }
    var layers = convolution(0, from: input.channels, to: 64, size: 5, pooled: true)
    layers += convolution(3, from: 64, to: 192, size: 5, pooled: true)
    layers += convolution(6, from: 192, to: 384, size: 3)
    layers += convolution(8, from: 384, to: 256, size: 3)
    layers += convolution(10, from: 256, to: 256, size: 3, pooled: true)
    layers.append(Flatten(name: "flatten"))
    layers += dropout(0) + dense(1, from: features)
    layers += dropout(3) + dense(4, from: 4096)
    layers.append(Dense("classifier.6", from: 4096, to: classes, start: start, in: store))
    return Sequential(layers)
  }
}
