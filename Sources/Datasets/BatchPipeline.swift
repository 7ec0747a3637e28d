// Prepares training batches one ahead of the network, on threads that give way to it.

/// The batches of a training run: each a pure function of (seed, epoch, number), whoever prepares it and when.
///
/// While the network works on a batch, workers prepare the next one. They run at a low priority, so that they take
/// the processor time that the network leaves; whoever asks for a batch that is not complete joins in and is then
/// soon done. So nothing is lost where the network keeps all cores busy, and preparation costs no time where it
/// does not. A pipeline belongs to one thread at a time.
public final class BatchPipeline {
  public let source: BatchSource
  private let preparation: Preparation
  private let batchesPerEpoch: Int
  private let workers: BatchWorkers
  private var idle: Batch
  private var current: Batch
  private var ahead: BatchJob?
  private var order: (epoch: Int, indices: [Int])?

  /// - Parameters:
  ///   - augmentation: `nil`: images as they are.
  ///   - seed: of the order and the augmentation.
  ///   - batchesPerEpoch: 1…`source.batchCount`: after the last one, the first of the next epoch is prepared.
  ///   - workers: threads that prepare ahead; 0: each batch is prepared when it is asked for.
  public init(
    source: BatchSource, augmentation: Augmentation? = nil, seed: UInt64, batchesPerEpoch: Int, workers: Int
  ) {
    precondition((1...max(1, source.batchCount)).contains(batchesPerEpoch), "an epoch needs a batch")
    self.source = source
    self.batchesPerEpoch = batchesPerEpoch
    preparation = Preparation(source: source, augmentation: augmentation, seed: seed)
    idle = Batch(capacity: source.batchSize, shape: source.images.shape)
    current = Batch(capacity: source.batchSize, shape: source.images.shape)
    self.workers = BatchWorkers(count: workers, shape: source.images.shape)
  }

  /// Batch `number` of `epoch`, both counted from 0, in the order of ``BatchSource/epochOrder(seed:epoch:)``. It stays
  /// as it is until the next call. Batches may be asked for in any order; the next one is at hand.
  public func batch(epoch: Int, number: Int) -> Batch {
    precondition((0..<batchesPerEpoch).contains(number), "batch \(number) of \(batchesPerEpoch)")
    let job: BatchJob
    if let ahead, ahead.epoch == epoch, ahead.number == number {
      job = ahead
    } else {
      // Another one than expected: that one's memory is needed, so it has to be through.
      ahead?.finish()
      job = makeJob(epoch: epoch, number: number)
      workers.announce(job)
    }
    job.finish()
    ahead = nil
    (current, idle) = (job.batch, current)
    if workers.count > 0 {
      let next = number + 1 < batchesPerEpoch ? (epoch, number + 1) : (epoch + 1, 0)
      let nextJob = makeJob(epoch: next.0, number: next.1)
      ahead = nextJob
      workers.announce(nextJob)
    }
    return current
  }

  private func makeJob(epoch: Int, number: Int) -> BatchJob {
    if order?.epoch != epoch {
      order = (epoch, source.epochOrder(seed: preparation.seed, epoch: epoch))
    }
    return BatchJob(
      preparation, batch: idle, epoch: epoch, number: number, order: order?.indices ?? source.indices)
  }
}
