// Turns chosen images of a data set into batches, in order or shuffled anew for each epoch.

/// The images at `indices`, `batchSize` at a time; the last batch holds what is left.
public struct BatchSource: Sendable {
  public let images: LabeledImages
  /// Which images, by their number in ``images``.
  public let indices: [Int]
  public let batchSize: Int
  public let standardization: Standardization
  private let tables: [[Float]]

  /// - Precondition: `batchSize > 0`; one mean per channel; indices within the images.
  public init(images: LabeledImages, indices: [Int], standardization: Standardization, batchSize: Int) {
    precondition(batchSize > 0, "a batch holds at least one image")
    precondition(standardization.mean.count == images.shape.channels, "one mean per channel is needed")
    precondition(indices.allSatisfy { $0 >= 0 && $0 < images.count }, "an index is outside the images")
    self.images = images
    self.indices = indices
    self.batchSize = batchSize
    self.standardization = standardization
    tables = (0..<images.shape.channels).map(standardization.table(channel:))
  }

  /// Batches in one pass over all images.
  public var batchCount: Int { (indices.count + batchSize - 1) / batchSize }

  /// The order of epoch `epoch`: a permutation of ``indices`` that depends on nothing but seed and epoch, so
  /// that a resumed run sees what the uninterrupted one saw.
  public func epochOrder(seed: UInt64, epoch: Int) -> [Int] {
    var random = SplitMix64(seed: seed, stream: RandomPurpose.epochOrder, UInt64(epoch))
    return random.permutation(indices.count).map { indices[$0] }
  }

  /// Fills `batch` with batch number `number` of `order`, standardised.
  /// - Parameters:
  ///   - order: ``indices``, or what ``epochOrder(seed:epoch:)`` gave.
  ///   - number: 0..<batchCount.
  /// - Precondition: the batch has this shape and at least `batchSize` places.
  public func fill(_ batch: Batch, number: Int, order: [Int]) {
    precondition(batch.shape == images.shape && batch.capacity >= batchSize, "the batch is of another shape")
    let start = number * batchSize
    let chosen = order[start..<min(start + batchSize, order.count)]
    for (place, index) in chosen.enumerated() { fill(batch, place: place, index: index) }
    batch.count = chosen.count
    batch.isMixed = false
  }

  /// Puts image `index` at `place` of the batch, standardised, and its label.
  func fill(_ batch: Batch, place: Int, index: Int) {
    batch.labels[place] = Int32(images.labels[index])
    guard let target = batch.images.baseAddress else { return }
    let start = index * images.shape.count
    images.pixels.withUnsafeBufferPointer { pixels in
      guard let base = pixels.baseAddress else { return }
      standardize(base + start, to: target + place * images.shape.count)
    }
  }

  /// Standardises one image of `images.shape.count` values.
  func standardize(_ pixels: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Float>) {
    let plane = images.shape.height * images.shape.width
    for channel in 0..<images.shape.channels {
      tables[channel].withUnsafeBufferPointer { table in
        for element in channel * plane..<(channel + 1) * plane {
          target[element] = table[Int(pixels[element])]
        }
      }
    }
  }
}
