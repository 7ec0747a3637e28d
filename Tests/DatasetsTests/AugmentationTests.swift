// What augmentation does to images of known content: probabilities, ranges, areas and labels.

import Testing

@testable import Datasets

@Suite struct AugmentationTests {
  /// `count` images of 12×10; image i is of class i % 7 and has the values of `pixel(i, row, column)` in all channels.
  private func source(
    count: Int, channels: Int = 1, pixel: (Int, Int, Int) -> UInt8
  ) -> BatchSource {
    let shape = ImageShape(channels: channels, height: 10, width: 12)
    let pixels = (0..<count).flatMap { image in
      (0..<channels * 10).flatMap { line in (0..<12).map { pixel(image, line % 10, $0) } }
    }
    let images = LabeledImages(shape: shape, pixels: pixels, labels: (0..<count).map { UInt8($0 % 7) })
    // Standardised values are the pixels' own, so that results can be read.
    let plain = Standardization(
      mean: [Float](repeating: 0, count: channels), deviation: [Float](repeating: 1 / 255, count: channels))
    return BatchSource(
      images: images, indices: Array(0..<count), standardization: plain, batchSize: count)
  }

  private func batch(
    _ source: BatchSource, seed: UInt64 = 3, epoch: Int = 0, change: (inout Augmentation) -> Void
  ) -> Batch {
    var augmentation = Augmentation()
    change(&augmentation)
    let batch = Batch(capacity: source.batchSize, shape: source.images.shape)
    let scratch = SampleScratch(shape: source.images.shape)
    for index in source.indices {
      augmentation.fill(batch, place: index, index: index, from: source, seed: seed, epoch: epoch, scratch)
    }
    return batch
  }

  private func image(_ index: Int, of batch: Batch) -> [Int] {
    batch.images[index * batch.shape.count..<(index + 1) * batch.shape.count].map { Int($0.rounded()) }
  }

  /// Within five deviations of a binomial count.
  private func expect(_ hits: Int, of count: Int, at probability: Double, _ what: String) {
    let spread = 5 * (Double(count) * probability * (1 - probability)).squareRoot()
    #expect(abs(Double(hits) - Double(count) * probability) <= spread, "\(what): \(hits) of \(count)")
  }

  @Test func flipsComeAsOftenAsTold() {
    let source = source(count: 2000) { UInt8(20 * $1 + $2 + $0 % 3) }
    let batch = batch(source) { ($0.horizontalFlip, $0.verticalFlip) = (0.3, 0.8) }
    var (horizontal, vertical) = (0, 0)
    for index in source.indices {
      let image = image(index, of: batch)
      let original = source.images.image(index).map(Int.init)
      let (turned, upsideDown) = (image[1] < image[0], image[12] < image[0])
      let expected = (0..<120).map { place in
        let (row, column) = (place / 12, place % 12)
        return original[(upsideDown ? 9 - row : row) * 12 + (turned ? 11 - column : column)]
      }
      #expect(image == expected)
      horizontal += turned ? 1 : 0
      vertical += upsideDown ? 1 : 0
    }
    expect(horizontal, of: 2000, at: 0.3, "left for right")
    expect(vertical, of: 2000, at: 0.8, "top for bottom")
  }

  @Test func everyShiftIsAsLikelyAndLeavesZeros() {
    // One bright pixel tells where the image went.
    let source = source(count: 2500) { $1 == 5 && $2 == 6 ? 200 : 1 }
    let batch = batch(source) { $0.shift = 2 }
    var counts: [Int: Int] = [:]
    for index in source.indices {
      let image = image(index, of: batch)
      guard let place = image.firstIndex(of: 200) else {
        Issue.record("image \(index) lost its pixel")
        continue
      }
      let (down, right) = (place / 12 - 5, place % 12 - 6)
      counts[down * 100 + right, default: 0] += 1
      #expect(abs(down) <= 2 && abs(right) <= 2)
      #expect(image.filter { $0 == 0 }.count == 120 - (10 - abs(down)) * (12 - abs(right)))
    }
    #expect(counts.count == 25)
    for (shift, count) in counts { expect(count, of: 2500, at: 1.0 / 25, "shift \(shift)") }
  }

  @Test func rotationsStayInTheirRangeAndReachIt() {
    // A bright pixel far from the centre; its angle is measured from the centre of what is bright.
    let source = source(count: 400) { (4...5).contains($1) && $2 >= 10 ? 255 : 0 }
    let batch = batch(source) { $0.rotation = 20 }
    let angles = source.indices.map { index -> Double in
      let image = image(index, of: batch)
      var (x, y, weight) = (0.0, 0.0, 0.0)
      for (place, value) in image.enumerated() {
        x += Double(value) * (Double(place % 12) + 0.5 - 6)
        y += Double(value) * (Double(place / 12) + 0.5 - 5)
        weight += Double(value)
      }
      // Small angles: the tangent will do. Upwards is counter-clockwise.
      return weight > 0 ? -y / x : 0
    }
    let limit = 0.364  // tan 20°
    #expect(angles.allSatisfy { abs($0) < limit + 0.06 })
    expect(angles.filter { $0 > 0 }.count, of: 400, at: 0.5, "turns to the left")
    expect(angles.filter { abs($0) > limit / 2 }.count, of: 400, at: 0.48, "turns beyond a half")
  }

  @Test func noiseHasItsDeviation() {
    let source = source(count: 300) { _, _, _ in 100 }
    let batch = batch(source) { $0.noise = 0.05 }
    let values = batch.images.map { (Double($0) - 100) / 255 }
    let mean = values.reduce(0, +) / Double(values.count)
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    #expect(abs(mean) < 0.05 * 5 / Double(values.count).squareRoot())
    #expect(abs(deviation - 0.05) < 0.001)
    #expect(image(0, of: batch) != image(1, of: batch))
  }

  @Test func cutoutCoversAClippedSquare() {
    let source = source(count: 2000, channels: 3) { _, _, _ in 9 }
    let batch = batch(source) { $0.cutout = 4 }
    var whole = 0
    for index in source.indices {
      let image = image(index, of: batch)
      let covered = (0..<120).filter { image[$0] == 0 }
      #expect(covered.map { $0 + 240 } == (240..<360).filter { image[$0] == 0 }, "all channels alike")
      let rows = Set(covered.map { $0 / 12 })
      let columns = Set(covered.map { $0 % 12 })
      #expect(covered.count == rows.count * columns.count && (2...4).contains(rows.count))
      whole += covered.count == 16 ? 1 : 0
    }
    // The centre is 2…8 of 10 rows and 2…10 of 12 columns where nothing is clipped.
    expect(whole, of: 2000, at: 0.7 * 0.75, "whole squares")
  }

  @Test func mixedLabelsAreInProportionToTheArea() {
    // The value tells the image.
    let source = source(count: 250) { image, _, _ in UInt8(image) }
    for alpha in [0.2, 1, 5] {
      let batch = batch(source) { $0.cutmix = alpha }
      var partners: Set<Int> = []
      for index in source.indices {
        let image = image(index, of: batch)
        let own = image.filter { $0 == index }.count
        let other = image.first { $0 != index } ?? index
        #expect(image.allSatisfy { $0 == index || $0 == other })
        if other != index {
          #expect(abs(batch.shares[index] - Float(own) / 120) < 1e-6)
          #expect(batch.secondLabels[index] == Int32(other % 7))
        }
        #expect(batch.labels[index] == Int32(index % 7))
        partners.insert(other)
      }
      #expect(partners.count > 90, "any image may be mixed in")
    }
  }

  /// Moments of Beta(a, a): mean 1/2, variance 1/(4(2a + 1)).
  @Test(arguments: [0.01, 0.2, 1, 3, 100]) func sharesAreBetaDistributed(alpha: Double) {
    var random = SplitMix64(seed: 5)
    let values = (0..<20000).map { _ in random.beta(alpha) }
    #expect(values.allSatisfy { (0...1).contains($0) })
    let mean = values.reduce(0, +) / 20000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20000
    let expected = 1 / (4 * (2 * alpha + 1))
    #expect(abs(mean - 0.5) < 5 * (expected / 20000).squareRoot())
    #expect(abs(variance / expected - 1) < 0.05)
    // A quarter of Beta(1, 1) lies below 1/4, and 10x³ − 15x⁴ + 6x⁵ there of Beta(3, 3).
    if alpha == 1 { expect(values.filter { $0 < 0.25 }.count, of: 20000, at: 0.25, "below a quarter") }
    if alpha == 3 { expect(values.filter { $0 < 0.25 }.count, of: 20000, at: 0.103515625, "below a quarter") }
  }

  @Test func randAugmentDrawsEveryOperation() {
    // How an image looks after one layer tells the operation; identity and those without effect look the same.
    let source = source(count: 1400, channels: 3) { UInt8(40 + 11 * $1 + 5 * $2 + $0 % 2) }
    let batch = batch(source) { $0.randAugment = RandAugment(layers: 1, magnitude: 20) }
    let kinds = Dictionary(grouping: source.indices.filter { $0 % 2 == 0 }) { image($0, of: batch) }
    // Ten operations change a grey slope: eight of them both ways; solarize; posterize; equalize and auto-contrast.
    #expect(kinds.count >= 17, "\(kinds.count) different results")
    #expect(kinds.values.allSatisfy { $0.count < 250 })
  }

  @Test func whatIsSwitchedOffChangesNothing() {
    let source = source(count: 50) { UInt8($0 + 10 * $1 + $2) }
    let plain = batch(source) { _ in }
    for index in source.indices {
      #expect(image(index, of: plain) == source.images.image(index).map(Int.init))
    }
    // A further change draws from a stream of its own.
    let shifted = batch(source) { $0.shift = 3 }
    let both = batch(source) { ($0.shift, $0.noise) = (3, 0.0001) }
    for index in source.indices { #expect(image(index, of: shifted) == image(index, of: both)) }
  }

  @Test func valuesOutOfRangeAreRefused() {
    let shape = ImageShape(channels: 1, height: 10, width: 12)
    func error(_ change: (inout Augmentation) -> Void) -> String {
      var augmentation = Augmentation()
      change(&augmentation)
      do throws(DatasetError) {
        try augmentation.validate(for: shape)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(error { $0.shift = 9 } == "")
    #expect(error { $0.shift = 10 }.contains("shift 10 is out of range; use 0…9 for images of 12×10×1"))
    #expect(error { $0.rotation = .nan }.contains("rotation nan"))
    #expect(error { $0.horizontalFlip = 1.1 }.contains("horizontal flip 1.1"))
    #expect(error { $0.cutmix = 0 }.contains("cutmix alpha 0.0"))
    #expect(error { $0.cutout = 21 }.contains("cutout 21"))
    #expect(error { $0.randAugment = RandAugment(layers: 1, magnitude: 31) }.contains("magnitude 31"))
  }
}
