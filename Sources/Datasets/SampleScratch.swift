// Memory in which one thread changes one image.

/// An image, room for its next state, and room for one that is mixed in.
final class SampleScratch {
  let shape: ImageShape
  /// `shape.count` values, in the order channel, row, column.
  private(set) var pixels: UnsafeMutablePointer<UInt8>
  /// Where an operation writes that cannot work in place; as large.
  private(set) var other: UnsafeMutablePointer<UInt8>
  /// `shape.count` standardised values.
  let partner: UnsafeMutablePointer<Float>

  init(shape: ImageShape) {
    self.shape = shape
    pixels = .allocate(capacity: shape.count)
    other = .allocate(capacity: shape.count)
    partner = .allocate(capacity: shape.count)
    pixels.initialize(repeating: 0, count: shape.count)
    other.initialize(repeating: 0, count: shape.count)
    partner.initialize(repeating: 0, count: shape.count)
  }

  deinit {
    pixels.deallocate()
    other.deallocate()
    partner.deallocate()
  }

  /// What was written to ``other`` becomes the image.
  func swap() {
    (pixels, other) = (other, pixels)
  }

  /// - Precondition: an image of this shape.
  func load(_ image: ArraySlice<UInt8>) {
    for (place, value) in image.enumerated() { pixels[place] = value }
  }
}
