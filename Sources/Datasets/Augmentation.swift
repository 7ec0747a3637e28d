// How training images are changed each time they are seen, so that a network sees more than there are.

/// Random changes of training images. What becomes of an image is a pure function of (seed, epoch, its number in the
/// data set): the same for any number of threads, any batch size and place, and after a resume.
///
/// The order: flips, rotation, shift, RandAugment on whole values 0…255; standardisation; noise, cutout, CutMix.
/// Where an image moves away, it leaves value 0 behind.
public struct Augmentation: Hashable, Codable, Sendable {
  /// The most pixels that an image moves along each axis, either way, every whole number being as likely.
  public var shift = 0
  /// The most degrees that an image turns about its centre, either way, 0…180.
  public var rotation = 0.0
  /// Probability of a mirror image, left for right, 0…1.
  public var horizontalFlip = 0.0
  /// Probability of a mirror image, top for bottom, 0…1.
  public var verticalFlip = 0.0
  /// Deviation of the noise added to each value, which are 0…1 here; 0 or more. See ``SplitMix64/bell()``.
  public var noise = 0.0
  /// Side in pixels of a square that is set to the mean of the training images, clipped where it leaves the image.
  ///
  /// Source: T. DeVries, G. W. Taylor 2017, <https://arxiv.org/abs/1708.04552>.
  public var cutout = 0
  /// Pastes a box of another training image: 1 − share of it is Beta(alpha, alpha) distributed before it is clipped
  /// at the border. Above 0; `nil`: no mixing.
  ///
  /// The other image is any of those that are trained with, all being as likely, as it is augmented in this epoch.
  /// Source: S. Yun et al. 2019, <https://arxiv.org/abs/1905.04899>.
  public var cutmix: Double?
  public var randAugment: RandAugment?

  public init() {}

  /// Images stay as they are.
  public var isNone: Bool { self == Augmentation() }

  /// What it does in words, for tables: `shift 2, horizontal flip 0.5`.
  public var summary: String {
    var parts: [String] = []
    if horizontalFlip > 0 { parts.append("horizontal flip \(horizontalFlip)") }
    if verticalFlip > 0 { parts.append("vertical flip \(verticalFlip)") }
    if rotation > 0 { parts.append("rotate ±\(rotation)°") }
    if shift > 0 { parts.append("shift ±\(shift)") }
    if let randAugment {
      parts.append("RandAugment \(randAugment.layers) of magnitude \(randAugment.magnitude)")
    }
    if noise > 0 { parts.append("noise \(noise)") }
    if cutout > 0 { parts.append("cutout \(cutout)") }
    if let cutmix { parts.append("CutMix alpha \(cutmix)") }
    return parts.isEmpty ? "none" : parts.joined(separator: ", ")
  }

  /// Throws ``DatasetError/augmentation(name:value:range:)`` for the first value outside its range.
  public func validate(for shape: ImageShape) throws(DatasetError) {
    func require(_ holds: Bool, _ name: String, _ value: Any, _ range: String) throws(DatasetError) {
      guard holds else { throw .augmentation(name: name, value: "\(value)", range: range) }
    }
    let side = min(shape.height, shape.width)
    try require((0..<side).contains(shift), "shift", shift, "0…\(side - 1) for images of \(shape)")
    try require((0...180).contains(rotation), "rotation", rotation, "0…180")
    try require((0...1).contains(horizontalFlip), "horizontal flip", horizontalFlip, "0…1")
    try require((0...1).contains(verticalFlip), "vertical flip", verticalFlip, "0…1")
    try require((0...10).contains(noise), "noise", noise, "0…10")
    try require((0...2 * side).contains(cutout), "cutout", cutout, "0…\(2 * side) for images of \(shape)")
    if let cutmix { try require((0.01...100).contains(cutmix), "cutmix alpha", cutmix, "0.01…100") }
    if let randAugment {
      try require((1...20).contains(randAugment.layers), "RandAugment layers", randAugment.layers, "1…20")
      try require(
        (0...30).contains(randAugment.magnitude), "RandAugment magnitude", randAugment.magnitude, "0…30")
    }
  }
}
