// One batch in the making, cut into pieces that threads take in turns.

import Dispatch
import Synchronization

/// A batch in the making. Threads take pieces of it until none is left.
final class BatchJob: @unchecked Sendable {
  let batch: Batch
  let epoch, number: Int
  private let preparation: Preparation
  private let chosen: ArraySlice<Int>
  private let pieces: Int
  private let nextPiece = Atomic(0)
  private let unfinished: Atomic<Int>
  private let isComplete = DispatchSemaphore(value: 0)

  /// Images that a thread takes at once: few, so that all end at about the same time.
  private static let pieceSize = 4

  init(_ preparation: Preparation, batch: Batch, epoch: Int, number: Int, order: [Int]) {
    self.preparation = preparation
    self.batch = batch
    self.epoch = epoch
    self.number = number
    let start = number * preparation.source.batchSize
    chosen = order[start..<min(start + preparation.source.batchSize, order.count)]
    pieces = (chosen.count + Self.pieceSize - 1) / Self.pieceSize
    unfinished = Atomic(pieces)
    batch.count = chosen.count
    batch.isMixed = preparation.augmentation?.cutmix != nil
  }

  /// Takes pieces until none is left; others may still be at work on theirs.
  func help(_ scratch: SampleScratch) {
    while true {
      let piece = nextPiece.add(1, ordering: .relaxed).oldValue
      guard piece < pieces else { return }
      for place in piece * Self.pieceSize..<min((piece + 1) * Self.pieceSize, chosen.count) {
        preparation.fill(
          batch, place: place, index: chosen[chosen.startIndex + place], epoch: epoch, scratch)
      }
      if unfinished.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { isComplete.signal() }
    }
  }

  /// Helps, and returns when the batch is complete.
  func finish() {
    help(preparation.scratch)
    isComplete.wait()
    // Who finished once may finish again.
    isComplete.signal()
  }
}

/// What every job of a pipeline needs.
final class Preparation {
  let source: BatchSource
  let augmentation: Augmentation?
  let seed: UInt64
  /// Of the thread that asks for batches.
  let scratch: SampleScratch

  init(source: BatchSource, augmentation: Augmentation?, seed: UInt64) {
    self.source = source
    self.augmentation = augmentation
    self.seed = seed
    scratch = SampleScratch(shape: source.images.shape)
  }

  func fill(_ batch: Batch, place: Int, index: Int, epoch: Int, _ scratch: SampleScratch) {
    guard let augmentation else { return source.fill(batch, place: place, index: index) }
    augmentation.fill(batch, place: place, index: index, from: source, seed: seed, epoch: epoch, scratch)
  }
}
