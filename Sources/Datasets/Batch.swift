// A mini-batch as the network wants it: standardised floats and class numbers, in memory that is reused.

/// Up to `capacity` images and labels; the buffers live as long as the batch.
public final class Batch {
  /// The most images it holds.
  public let capacity: Int
  /// Shape of each image.
  public let shape: ImageShape
  /// Images in it now, 0…capacity.
  public internal(set) var count = 0
  /// `capacity · shape.count` values in the order image, channel, row, column (NCHW); 64-byte aligned.
  /// Those of the first ``count`` images are valid.
  public let images: UnsafeMutableBufferPointer<Float>
  /// `capacity` class numbers; the first ``count`` are valid.
  public let labels: UnsafeMutableBufferPointer<Int32>
  /// Whether images are mixtures of two: then ``secondLabels`` and ``shares`` count.
  public internal(set) var isMixed = false
  /// `capacity` class numbers: of the image that was mixed in.
  public let secondLabels: UnsafeMutableBufferPointer<Int32>
  /// `capacity` numbers, 0…1: how much of an image is of class ``labels``; the rest is of ``secondLabels``.
  public let shares: UnsafeMutableBufferPointer<Float>

  /// - Precondition: `capacity > 0`.
  public init(capacity: Int, shape: ImageShape) {
    precondition(capacity > 0, "a batch holds at least one image")
    self.capacity = capacity
    self.shape = shape
    images = Self.allocate(capacity * shape.count)
    labels = Self.allocate(capacity)
    secondLabels = Self.allocate(capacity)
    shares = Self.allocate(capacity)
  }

  deinit {
    images.deallocate()
    labels.deallocate()
    secondLabels.deallocate()
    shares.deallocate()
  }

  /// Takes over what another batch holds.
  /// - Precondition: it is of the same shape, and has room.
  public func copy(_ other: Batch) {
    precondition(other.shape == shape && other.count <= capacity, "the batch is of another shape")
    func copy<T>(
      _ source: UnsafeMutableBufferPointer<T>, _ target: UnsafeMutableBufferPointer<T>, _ count: Int
    ) {
      guard let source = source.baseAddress, let target = target.baseAddress else { return }
      target.update(from: source, count: count)
    }
    count = other.count
    isMixed = other.isMixed
    copy(other.images, images, count * shape.count)
    copy(other.labels, labels, count)
    copy(other.secondLabels, secondLabels, count)
    copy(other.shares, shares, count)
  }

  /// Zeroed, on a cache line's boundary, which vector loads like.
  private static func allocate<T: Numeric>(_ count: Int) -> UnsafeMutableBufferPointer<T> {
    let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: count * MemoryLayout<T>.stride, alignment: 64)
    return raw.initializeMemory(as: T.self, repeating: 0)
  }
}
