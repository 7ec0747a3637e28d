// Applies an augmentation to one image of a batch.

extension Augmentation {
  /// Which numbers are drawn for what: each change has a stream of its own, so that switching one on leaves the others
  /// as they were.
  private enum Purpose: UInt64 {
    case flips, rotation, shift, randAugment, noise, cutout, cutmix
  }

  /// Puts image `index` of `source` at `place` of the batch, changed, with its label or labels.
  func fill(
    _ batch: Batch, place: Int, index: Int, from source: BatchSource, seed: UInt64, epoch: Int,
    _ scratch: SampleScratch
  ) {
    guard let images = batch.images.baseAddress else { return }
    let shape = source.images.shape
    let target = images + place * shape.count
    let label = Int32(source.images.labels[index])
    batch.labels[place] = label
    draw(index, from: source, seed: seed, epoch: epoch, to: target, scratch)
    guard let alpha = cutmix else { return }
    var random = Self.stream(seed, epoch, index, .cutmix)
    let other = source.indices[random.below(source.indices.count)]
    let box = PixelBox.cutmix(share: random.beta(alpha), shape, &random)
    draw(other, from: source, seed: seed, epoch: epoch, to: scratch.partner, scratch)
    box.forEachRow(of: shape) { start, count in
      (target + start).update(from: scratch.partner + start, count: count)
    }
    batch.secondLabels[place] = Int32(source.images.labels[other])
    batch.shares[place] = Float(1 - Double(box.area) / Double(shape.height * shape.width))
  }

  /// Image `index` with all changes but the mixing, standardised.
  private func draw(
    _ index: Int, from source: BatchSource, seed: UInt64, epoch: Int, to target: UnsafeMutablePointer<Float>,
    _ scratch: SampleScratch
  ) {
    func stream(_ purpose: Purpose) -> SplitMix64 { Self.stream(seed, epoch, index, purpose) }
    scratch.load(source.images.image(index))
    if horizontalFlip > 0 || verticalFlip > 0 {
      var random = stream(.flips)
      let (horizontal, vertical) = (random.uniform(), random.uniform())
      if horizontal < horizontalFlip { scratch.flipHorizontally() }
      if vertical < verticalFlip { scratch.flipVertically() }
    }
    if rotation > 0 {
      var random = stream(.rotation)
      scratch.rotate(degrees: random.uniform(-rotation...rotation))
    }
    if shift > 0 {
      var random = stream(.shift)
      let right = random.below(2 * shift + 1) - shift
      scratch.shift(right: right, down: random.below(2 * shift + 1) - shift)
    }
    if let randAugment {
      var random = stream(.randAugment)
      randAugment.apply(to: scratch, &random)
    }
    source.standardize(scratch.pixels, to: target)
    if noise > 0 {
      var random = stream(.noise)
      addNoise(to: target, source, &random)
    }
    if cutout > 0 {
      var random = stream(.cutout)
      let shape = source.images.shape
      PixelBox.cutout(side: cutout, shape, &random).forEachRow(of: shape) { start, count in
        // The mean, standardised.
        (target + start).update(repeating: 0, count: count)
      }
    }
  }

  private func addNoise(
    to target: UnsafeMutablePointer<Float>, _ source: BatchSource, _ random: inout SplitMix64
  ) {
    let shape = source.images.shape
    let plane = shape.height * shape.width
    for channel in 0..<shape.channels {
      let scale = Float(noise) / source.standardization.deviation[channel]
      for element in channel * plane..<(channel + 1) * plane {
        target[element] += scale * Float(random.bell())
      }
    }
  }

  private static func stream(_ seed: UInt64, _ epoch: Int, _ index: Int, _ purpose: Purpose) -> SplitMix64 {
    SplitMix64(
      seed: seed, stream: RandomPurpose.augmentation, UInt64(epoch), UInt64(index), purpose.rawValue)
  }
}
