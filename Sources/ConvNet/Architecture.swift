// The networks that can be asked for by name, and the images they take.

/// Shape of one input image.
public struct InputShape: Hashable, Sendable, CustomStringConvertible {
  public let channels: Int
  public let height: Int
  public let width: Int

  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Floats in one image.
  public var count: Int { channels * height * width }

  /// `channels x height x width`, such as `3x32x32`.
  public var description: String { "\(channels)x\(height)x\(width)" }
}

/// A network's structure.
public enum Architecture: String, CaseIterable, Sendable {
  /// LeNet-5 with ReLU and, unless told otherwise, max-pooling: small and fast.
  case lenet
  /// Six 3x3 convolutions with batch norm, LeakyReLU and dropout.
  case baseline
  /// ResNet-18 in its form for small images (3x3 stem, no first pooling).
  case resnet18
  /// Fully connected layers only; their sizes are options.
  case mlp
  /// AlexNet with a first convolution for small images.
  case alexnet
  /// VGG-16 with batch norm and dense layers for small images.
  case vgg16
  /// EfficientNet-Lite0 with a first convolution for small images.
  case efficientNetLite0 = "efficientnet-lite0"
  /// EfficientNet-B0, likewise: Lite0 with squeeze-and-excitation and SiLU.
  case efficientNetB0 = "efficientnet-b0"
  /// ConvNeXt-T with a first convolution for small images.
  case convNeXtTiny = "convnext-tiny"

  /// The architecture of that name; case does not matter and `-` and `_` may stand anywhere (`res-net_18`).
  public init?(name: String) {
    func letters(_ text: String) -> String { text.lowercased().filter { $0 != "-" && $0 != "_" } }
    guard let match = Self.allCases.first(where: { letters($0.rawValue) == letters(name) }) else {
      return nil
    }
    self = match
  }

  /// The layers, whose parameters are declared in `store`.
  ///
  /// - Parameters:
  ///   - options: resolved.
  ///   - dropout: false leaves out all that is drawn by chance.
  func layers(
    input: InputShape, classes: Int, options: NetworkOptions, dropout: Bool, in store: ParameterStore
  ) throws -> Sequential {
    var options = options
    if !dropout { (options.dropout, options.dropPath) = (0, 0) }
    switch self {
    case .lenet: return try lenetLayers(input: input, classes: classes, options: options, in: store)
    case .baseline: return try baselineLayers(input: input, classes: classes, dropout: dropout, in: store)
    case .resnet18: return try resnet18Layers(input: input, classes: classes, in: store)
    case .mlp:
      return multilayerPerceptronLayers(input: input, classes: classes, options: options, in: store)
    case .alexnet: return try alexNetLayers(input: input, classes: classes, options: options, in: store)
    case .vgg16: return try vgg16Layers(input: input, classes: classes, options: options, in: store)
    case .efficientNetLite0:
      return efficientNetLite0Layers(input: input, classes: classes, options: options, in: store)
    case .efficientNetB0:
      return efficientNetB0Layers(input: input, classes: classes, options: options, in: store)
    case .convNeXtTiny:
      return try convNeXtTinyLayers(input: input, classes: classes, options: options, in: store)
    }
  }

  /// The refusal of images that leave nothing for `layer`; `minimum` is the smallest square image that does.
  func refuse(_ input: InputShape, at layer: String, minimum: Int) -> ConvNetError {
    .inputShape(architecture: rawValue, input: input, layer: layer, minimum: minimum)
  }
}
