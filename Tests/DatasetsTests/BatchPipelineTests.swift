// The pipeline gives what a plain loop would give, whoever prepares it and in whatever order it is asked for.

import Datasets
import Testing

@Suite struct BatchPipelineTests {
  private static let digits = BuiltinDigits.make(trainCount: 75, testCount: 1).train

  private static var everything: Augmentation {
    var result = Augmentation()
    result.shift = 3
    result.rotation = 15
    result.horizontalFlip = 0.5
    result.verticalFlip = 0.5
    result.noise = 0.1
    result.cutout = 8
    result.cutmix = 1
    result.randAugment = RandAugment(layers: 2, magnitude: 12)
    return result
  }

  private func source(batchSize: Int) -> BatchSource {
    BatchSource(
      images: Self.digits, indices: Array(5..<75), standardization: Standardization(fitting: Self.digits),
      batchSize: batchSize)
  }

  private func pipeline(
    _ augmentation: Augmentation?, batchSize: Int = 16, batchesPerEpoch: Int? = nil, workers: Int
  ) -> BatchPipeline {
    let source = source(batchSize: batchSize)
    return BatchPipeline(
      source: source, augmentation: augmentation, seed: 7,
      batchesPerEpoch: batchesPerEpoch ?? source.batchCount, workers: workers)
  }

  /// Everything that a network can see of a batch.
  private struct Content: Equatable {
    let images, shares: [Float]
    let labels, secondLabels: [Int32]

    init(_ batch: Batch) {
      images = Array(batch.images.prefix(batch.count * batch.shape.count))
      labels = Array(batch.labels.prefix(batch.count))
      shares = batch.isMixed ? Array(batch.shares.prefix(batch.count)) : []
      secondLabels = batch.isMixed ? Array(batch.secondLabels.prefix(batch.count)) : []
    }
  }

  @Test(arguments: [0, 1, 3]) func plainBatchesAreThoseOfTheSource(workers: Int) {
    let source = source(batchSize: 16)
    let pipeline = pipeline(nil, workers: workers)
    let expected = Batch(capacity: 16, shape: Self.digits.shape)
    for epoch in 0..<3 {
      let order = source.epochOrder(seed: 7, epoch: epoch)
      for number in 0..<source.batchCount {
        source.fill(expected, number: number, order: order)
        #expect(Content(pipeline.batch(epoch: epoch, number: number)) == Content(expected))
      }
    }
  }

  @Test func theNumberOfWorkersChangesNothing() {
    let one = pipeline(Self.everything, workers: 0)
    for workers in [1, 2, 5] {
      let other = pipeline(Self.everything, workers: workers)
      for epoch in 0..<2 {
        for number in 0..<5 {
          #expect(
            Content(one.batch(epoch: epoch, number: number))
              == Content(other.batch(epoch: epoch, number: number)),
            "\(workers) workers, epoch \(epoch), batch \(number)")
        }
      }
    }
  }

  /// A resumed run begins anywhere.
  @Test func anyBatchCanBeAskedForAtAnyTime() {
    let wanted = [(0, 4), (3, 1), (3, 2), (3, 2), (0, 0), (3, 4), (4, 0), (2, 3)]
    let pipeline = pipeline(Self.everything, workers: 2)
    for (epoch, number) in wanted {
      let fresh = self.pipeline(Self.everything, workers: 0)
      #expect(
        Content(pipeline.batch(epoch: epoch, number: number))
          == Content(fresh.batch(epoch: epoch, number: number)))
    }
  }

  @Test func whatBecomesOfAnImageDependsOnNoBatch() throws {
    /// Images of an epoch in the order of the epoch.
    func epoch(batchSize: Int) -> [Float] {
      let pipeline = pipeline(Self.everything, batchSize: batchSize, workers: 1)
      return (0..<pipeline.source.batchCount).flatMap {
        Content(pipeline.batch(epoch: 1, number: $0)).images
      }
    }
    let whole = epoch(batchSize: 70)
    #expect(whole == epoch(batchSize: 1))
    #expect(whole == epoch(batchSize: 9))
  }

  @Test func epochsAndSeedsDiffer() {
    let pipeline = pipeline(Self.everything, batchSize: 70, workers: 0)
    let other = BatchPipeline(
      source: source(batchSize: 70), augmentation: Self.everything, seed: 8, batchesPerEpoch: 1, workers: 0)
    let first = Content(pipeline.batch(epoch: 0, number: 0))
    #expect(first != Content(pipeline.batch(epoch: 1, number: 0)))
    #expect(first != Content(other.batch(epoch: 0, number: 0)))
  }

  /// The batch that was handed out must not be touched by what is prepared meanwhile.
  @Test func aBatchStaysAsItIsUntilTheNextIsAskedFor() {
    let pipeline = pipeline(Self.everything, workers: 3)
    for number in 0..<5 {
      let batch = pipeline.batch(epoch: 0, number: number)
      let before = Content(batch)
      // Time enough for the next one: this one is made in the same memory's neighbour.
      for _ in 0..<3 { _ = self.pipeline(Self.everything, workers: 0).batch(epoch: 0, number: 0) }
      #expect(Content(batch) == before)
    }
  }

  @Test func shortEpochsGoOnWithTheNextOne() {
    let short = pipeline(Self.everything, batchesPerEpoch: 2, workers: 1)
    let whole = pipeline(Self.everything, workers: 0)
    for (epoch, number) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
      #expect(
        Content(short.batch(epoch: epoch, number: number))
          == Content(whole.batch(epoch: epoch, number: number)))
    }
  }

  @Test func pipelinesEndWhileTheyWork() {
    for _ in 0..<50 {
      let pipeline = pipeline(Self.everything, workers: 4)
      _ = pipeline.batch(epoch: 0, number: 0)
    }
  }
}
