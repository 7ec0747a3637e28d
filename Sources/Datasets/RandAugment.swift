// RandAugment: a number of operations, drawn anew for each image, all of one strength.

/// `layers` operations in a row, each one of fourteen (thirteen for grey images), all being as likely.
///
/// Operations and ranges are those of torchvision's `RandAugment`, with bilinear sampling. Source: E. D. Cubuk et al.
/// 2020, <https://arxiv.org/abs/1909.13719>;
/// <https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.RandAugment.html>.
public struct RandAugment: Hashable, Codable, Sendable {
  /// Operations for each image, 1…20.
  public var layers: Int
  /// Strength, 0…30.
  public var magnitude: Int

  public init(layers: Int, magnitude: Int) {
    self.layers = layers
    self.magnitude = magnitude
  }

  enum Operation: String, CaseIterable {
    case identity, shearX, shearY, translateX, translateY, rotate
    case brightness, colour, contrast, sharpness
    case posterize, solarize, autoContrast, equalize

    /// Grey images have no colour to change.
    static func all(for shape: ImageShape) -> [Operation] {
      shape.channels == 3 ? allCases : allCases.filter { $0 != .colour }
    }
  }

  func apply(to scratch: SampleScratch, _ random: inout SplitMix64) {
    let operations = Operation.all(for: scratch.shape)
    for _ in 0..<layers {
      let operation = operations[random.below(operations.count)]
      let isNegative = random.next() & 1 == 1
      scratch.apply(operation, magnitude: magnitude, isNegative: isNegative)
    }
  }
}

extension SampleScratch {
  /// One operation at a strength of 0…30; `isNegative` turns those round that have two directions.
  func apply(_ operation: RandAugment.Operation, magnitude: Int, isNegative: Bool) {
    let level = Double(magnitude) / 30
    let sign = isNegative ? -1.0 : 1
    switch operation {
    case .identity: break
    // Shears leave the upper left corner where it is.
    case .shearX: warp(AffineMap(b: 0.3 * level * sign))
    case .shearY: warp(AffineMap(d: 0.3 * level * sign))
    case .translateX: shift(right: Int(150.0 / 331 * Double(shape.width) * level * sign), down: 0)
    case .translateY: shift(right: 0, down: Int(150.0 / 331 * Double(shape.height) * level * sign))
    case .rotate: rotate(degrees: 30 * level * sign)
    case .brightness: adjustBrightness(by: Float(1 + 0.9 * level * sign))
    case .colour: adjustColour(by: Float(1 + 0.9 * level * sign))
    case .contrast: adjustContrast(by: Float(1 + 0.9 * level * sign))
    case .sharpness: adjustSharpness(by: Float(1 + 0.9 * level * sign))
    case .posterize: posterize(bits: 8 - Int((4 * level).rounded(.toNearestOrEven)))
    case .solarize: solarize(threshold: 255 - 255 * level)
    case .autoContrast: stretchContrast()
    case .equalize: equalize()
    }
  }
}
