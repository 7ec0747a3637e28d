// Divides the training images into a part to learn from and a part to validate on.

/// A partition of 0..<count by a seed.
public struct Split: Hashable, Sendable {
  /// Ascending.
  public let train: [Int]
  /// Ascending; empty for a fraction of 0.
  public let validation: [Int]

  /// Draws `validationFraction` of the images (rounded to the nearest whole number) for validation and
  /// leaves at least one to train on.
  /// - Precondition: `count > 0` and `validationFraction` in 0..<1.
  public init(count: Int, validationFraction: Double, seed: UInt64) {
    precondition(count > 0, "no images to split")
    precondition(
      (0..<1).contains(validationFraction), "validation fraction \(validationFraction) is not in 0..<1")
    let held = min(Int((Double(count) * validationFraction).rounded()), count - 1)
    var random = SplitMix64(seed: seed, stream: RandomPurpose.split)
    let order = random.permutation(count)
    validation = order.prefix(held).sorted()
    train = order.dropFirst(held).sorted()
  }
}
