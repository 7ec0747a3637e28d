// One function of the tree over every batch: what the threads do in a step.

import COptPlug
import COptimizerHost
import BasicFoundation
import Synchronization

/// A function of the ABI that takes a frame.
typealias FrameFunction =
  @convention(c) (
    OpaquePointer?, UnsafePointer<optplug_frame>?, UnsafeMutablePointer<optplug_error>?
  ) -> optplug_status

/// Calls a function with each batch. Made once; the engine sets `call` and `batches` before each use.
final class StepWork: SharedWork {
  /// Which function, and what it is told.
  struct Call {
    /// Nil: nothing but state is started.
    let function: FrameFunction?
    let instance: OpaquePointer?
    /// The place of the node whose function it is.
    let root: Int
    let facts: StepFacts
    /// Per node.
    let sweeps: UnsafeMutableBufferPointer<NodeSweep>
    /// Whether segments show the gradients.
    let showsGradients: Bool
    /// Whether slots get their initial values first: in the step that uses them, while the piece is in cache.
    let startsState: Bool
  }

  var call: Call?
  var batches: [WorkList.Batch] = []
  var cuts: [WorkList.Cut] = []
  /// Which batch is done as which, for a validator that looks whether the order matters; nil: in their own order.
  var order: ((_ place: Int, _ count: Int) -> Int)?
  /// Whether threads without a batch help those that have one, at what plugins share out.
  let helps: Bool
  private let gradients: UnsafePointer<UnsafeRawPointer?>
  private let masters: MasterWeights?
  private let makesGradients: Bool
  private let segments: [SegmentTable]
  private let frames: [FrameSet]
  private let messages: [MessageBuffer]
  private let failure = FirstFailure()
  /// Batches that are not done.
  private let unfinished = Atomic<Int>(0)

  /// - Parameters:
  ///   - segments: a table for each node.
  ///   - frames: a set for each worker.
  ///   - gradients: per parameter.
  init(
    _ segments: [SegmentTable], _ frames: [FrameSet], gradients: UnsafePointer<UnsafeRawPointer?>,
    masters: MasterWeights?, helps: Bool
  ) {
    self.segments = segments
    self.frames = frames
    self.gradients = gradients
    self.masters = masters
    self.helps = helps
    makesGradients = frames.contains { $0.gradients.areNeeded }
    messages = frames.map { _ in MessageBuffer() }
  }

  /// Whether the cuts are needed beside the batches: where gradients or masters are made piece by piece.
  func needsCuts(_ call: Call) -> Bool { masters != nil || makesGradients || call.facts.gradientScale != 1 }

  /// To be called before each use.
  func open(_ call: Call, _ batches: [WorkList.Batch]) {
    self.call = call
    self.batches = batches
    if helps { unfinished.store(batches.count, ordering: .releasing) }
  }

  /// To be called after each use.
  func close() {
    batches = []
    if !cuts.isEmpty { cuts = [] }
  }

  func work(worker: Int, pieces: PieceCounter) {
    guard let call else { return }
    let (frames, message) = (frames[worker], messages[worker])
    // A plugin may change the mode; the next piece, and the trainer's own arithmetic, must not see it.
    keepingFloatingPointMode {
      let mode = optimizer_host_float_mode()
      while let piece = pieces.next(for: worker) {
        let status = run(call, batches[order?(piece, batches.count) ?? piece], frames, message)
        if optimizer_host_float_mode() != mode { optimizer_host_set_float_mode(mode) }
        if status != OPTPLUG_OK { failure.report(piece, message.take(status)) }
        if helps { unfinished.subtract(1, ordering: .releasing) }
      }
      if helps { SharedLoops.help(while: { unfinished.load(ordering: .acquiring) > 0 }) }
    }
  }

  @inline(__always)
  private func run(_ call: Call, _ batch: WorkList.Batch, _ frames: FrameSet, _ message: MessageBuffer)
    -> optplug_status
  {
    if call.startsState {
      if let masters {
        for i in batch.cuts { masters.load(cuts[i].parameter, offset: cuts[i].offset, count: cuts[i].count) }
      }
      for table in segments { table.initializeSlots(batch) }
    }
    guard let function = call.function else { return OPTPLUG_OK }
    let scale = call.facts.gradientScale
    let gradients = call.showsGradients ? gradients : nil
    let pieces = frames.gradients
    if scale != 1 || pieces.areNeeded {
      if let gradients, batch.hasGradients { pieces.prepare(batch, cuts, gradients, scale: scale) }
      for (node, table) in segments.enumerated() {
        table.patch(
          batch, gradients, prepared: pieces.shown(node, batch, scale: scale), changed: pieces.changed(node))
        if let gradients, pieces.hasDetours(node) {
          table.redirect(batch, gradients) { pieces.shown(node, $0, batch, scale: scale) }
        }
      }
    } else {
      for table in segments { table.patch(batch, gradients, prepared: nil, changed: nil) }
    }
    let frame = frames.prepare(
      batch, segments, call.facts, call.sweeps, root: call.root, showsAll: !call.showsGradients)
    let status = function(call.instance, frame, message.error)
    if let masters {
      for i in batch.cuts { masters.store(cuts[i].parameter, offset: cuts[i].offset, count: cuts[i].count) }
    }
    return status
  }

  /// The message of the first batch, by number, that failed since the last call.
  func takeFailure() -> String? { failure.take() }
}

/// Of all failures that threads report, the one with the lowest number, so that messages do not depend on timing.
private final class FirstFailure: @unchecked Sendable {
  private let hasFailed = Atomic<Bool>(false)
  private let lock = Lock()
  // Guarded by `lock`.
  private var first: (piece: Int, message: String)?

  func report(_ piece: Int, _ message: String) {
    lock.withLock { if first.map({ piece < $0.piece }) ?? true { first = (piece, message) } }
    hasFailed.store(true, ordering: .releasing)
  }

  /// Takes no lock when there was none.
  func take() -> String? {
    guard hasFailed.exchange(false, ordering: .acquiringAndReleasing) else { return nil }
    return lock.withLock {
      defer { first = nil }
      return first?.message
    }
  }
}
