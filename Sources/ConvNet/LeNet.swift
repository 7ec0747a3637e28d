// LeNet-5.

extension Architecture {
  /// LeNet-5's layout (LeCun et al. 1998, https://doi.org/10.1109/5.726791) at the width of today's introductory
  /// networks, with ReLU for the squashing functions, max-pooling or plain averages for the trained subsampling, and one
  /// hidden dense layer:
  ///
  ///     conv1 5x5, 48 - ReLU - max-pool 2 - conv2 5x5, 96 - ReLU - max-pool 2
  ///     - fc1 512 - ReLU - fc2 classes
  ///
  /// The paper's 6 and 16 feature maps need several times as many steps for the same accuracy. conv1 pads images
  /// smaller than 32 by 2, so that 28x28 gives the paper's 28x28 feature maps (the paper pads the digits to 32x32);
  /// larger images are not padded. Either way 96x5x5 values reach fc1.
  func lenetLayers(
    input: InputShape, classes: Int, options: NetworkOptions, in store: ParameterStore
  ) throws -> Sequential {
    let first = Window(size: 5, stride: 1, padding: min(input.height, input.width) < 32 ? 2 : 0)
    let second = Window(size: 5, stride: 1)
    let pool = Window(size: 2, stride: 2)
    func extent(_ length: Int) -> Int {
      pool.output(second.output(pool.output(first.output(length))))
    }
    let (maps1, maps2, hidden) = (48, 96, 512)
    let features = maps2 * extent(input.height) * extent(input.width)
    guard features > 0 else { throw refuse(input, at: "pool2", minimum: 12) }
    func rectifiedPooling(_ number: Int) -> [any Layer] {
      let rectifier = Rectifier("relu\(number)")
      switch options.pooling {
      case .average: return [rectifier, AveragePooling(name: "pool\(number)", window: pool)]
      // ReLU grows with its argument, so after the pooling it gives the same numbers, from a quarter of the values.
      case .max, nil: return [MaxPooling(name: "pool\(number)", window: pool), rectifier]
      }
    }
    var layers: [any Layer] = [
      Convolution("conv1", from: input.channels, to: maps1, window: first, bias: true, in: store)
    ]
    layers += rectifiedPooling(1)
    layers.append(Convolution("conv2", from: maps1, to: maps2, window: second, bias: true, in: store))
    layers += rectifiedPooling(2)
    layers += [
      Flatten(name: "flatten"),
      Dense("fc1", from: features, to: hidden, in: store),
      Rectifier("relu3"),
      Dense("fc2", from: hidden, to: classes, gain: Gain.linear, in: store),
    ]
    return Sequential(layers)
  }
}
