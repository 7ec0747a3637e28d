// Standardisation, split, epoch order and batches against values worked out by hand.

import Datasets
import Testing

@Suite struct BatchTests {
  private let colour = LabeledImages(
    shape: ImageShape(channels: 2, height: 1, width: 2),
    pixels: [0, 255, 10, 10, 255, 0, 10, 10, 51, 204, 10, 10], labels: [4, 5, 6])

  @Test func measuresEachChannel() {
    let standard = Standardization(fitting: colour)
    #expect(abs(standard.mean[0] - 0.5) < 1e-6)
    // Values 0, 1, 1, 0, .2, .8: variance (4·.25 + 2·.09)/6.
    #expect(abs(standard.deviation[0] - Float((1.18 / 6).squareRoot())) < 1e-6)
    #expect(abs(standard.mean[1] - 10.0 / 255) < 1e-6)
    #expect(standard.deviation[1] == 1, "a constant channel is not scaled")
  }

  @Test func measuresChosenImagesInAnyOrder() {
    let some = Standardization(fitting: colour, indices: [2, 0])
    #expect(some == Standardization(fitting: colour, indices: [0, 2]))
    #expect(some != Standardization(fitting: colour))
  }

  @Test func splitIsAPartition() {
    let split = Split(count: 1003, validationFraction: 0.1, seed: 42)
    #expect(split.validation.count == 100)
    #expect((split.train + split.validation).sorted() == Array(0..<1003))
    #expect(split.train == split.train.sorted())
    #expect(split == Split(count: 1003, validationFraction: 0.1, seed: 42))
    #expect(split != Split(count: 1003, validationFraction: 0.1, seed: 43))
    // Not simply one end of the set.
    #expect(split.validation.min() ?? 1000 < 100 && split.validation.max() ?? 0 > 900)
  }

  @Test func splitKeepsSomethingToTrainOn() {
    #expect(Split(count: 5, validationFraction: 0, seed: 1).validation.isEmpty)
    #expect(Split(count: 2, validationFraction: 0.99, seed: 1).train.count == 1)
    #expect(Split(count: 1, validationFraction: 0.9, seed: 1).train == [0])
  }

  @Test func epochOrderDependsOnSeedAndEpochOnly() {
    let digits = BuiltinDigits.make(trainCount: 60, testCount: 1).train
    let chosen = Array(stride(from: 0, to: 60, by: 2))
    let source = BatchSource(
      images: digits, indices: chosen, standardization: Standardization(fitting: digits), batchSize: 8)
    let order = source.epochOrder(seed: 9, epoch: 3)
    #expect(order.sorted() == chosen)
    #expect(order == source.epochOrder(seed: 9, epoch: 3))
    #expect(order != source.epochOrder(seed: 9, epoch: 4))
    #expect(order != source.epochOrder(seed: 10, epoch: 3))
  }

  @Test func fillsWholeAndPartialBatches() {
    let standard = Standardization(mean: [0.5, 0], deviation: [0.25, 2])
    let source = BatchSource(images: colour, indices: [2, 0, 1], standardization: standard, batchSize: 2)
    let batch = Batch(capacity: 2, shape: colour.shape)
    #expect(source.batchCount == 2)
    source.fill(batch, number: 0, order: source.indices)
    #expect(batch.count == 2)
    #expect(Array(batch.labels) == [6, 4])
    let ten = Float(10) / 255 / 2
    let expected: [Float] = [(0.2 - 0.5) / 0.25, (0.8 - 0.5) / 0.25, ten, ten, -2, 2, ten, ten]
    for (value, wanted) in zip(batch.images, expected) { #expect(abs(value - wanted) < 1e-6) }
    source.fill(batch, number: 1, order: source.indices)
    #expect(batch.count == 1 && batch.labels[0] == 5)
    #expect(batch.images[0] == 2 && batch.images[1] == -2)
  }

  @Test func standardisedTrainingImagesHaveMeanZeroAndDeviationOne() {
    let digits = BuiltinDigits.make(trainCount: 64, testCount: 1).train
    let source = BatchSource(
      images: digits, indices: Array(0..<64), standardization: Standardization(fitting: digits), batchSize: 64
    )
    let batch = Batch(capacity: 64, shape: digits.shape)
    source.fill(batch, number: 0, order: source.indices)
    let count = Double(batch.images.count)
    let mean = batch.images.reduce(0.0) { $0 + Double($1) } / count
    let variance = batch.images.reduce(0.0) { $0 + Double($1) * Double($1) } / count
    #expect(abs(mean) < 1e-5 && abs(variance - 1) < 1e-5)
    #expect(Int(bitPattern: batch.images.baseAddress) % 64 == 0)
  }
}
