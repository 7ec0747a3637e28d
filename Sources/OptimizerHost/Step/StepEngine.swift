// Runs a function of the tree over every batch, on all threads.

import COptPlug
import Synchronization

/// Everything that a step needs and that does not change between two steps.
final class StepEngine {
  /// A function of the ABI that takes a frame.
  typealias Function =
    @convention(c) (
      OpaquePointer?, UnsafePointer<optplug_frame>?, UnsafeMutablePointer<optplug_error>?
    ) -> optplug_status

  private let tree: Tree
  private let table: ParameterTable
  private let pool: ThreadPool
  private let pieceElements: Int
  private var work: WorkList
  private var hasGradient: [Bool]
  private var segments: [SegmentTable] = []
  private var frames: [FrameSet] = []

  /// Below this many elements waking a thread costs more than it saves.
  private static let smallWork = 32_768

  init(_ tree: Tree, _ table: ParameterTable, threads: Int, pieceElements: Int) {
    self.tree = tree
    self.table = table
    self.pieceElements = pieceElements
    pool = ThreadPool(threads: threads)
    hasGradient = Array(repeating: true, count: table.parameters.count)
    work = WorkList(
      table.parameters, hasGradient: hasGradient, granularity: tree.granularity, pieceElements: pieceElements)
    build()
  }

  /// Makes the tables anew for `work`.
  private func build() {
    segments = tree.nodes.map { SegmentTable($0, table, work) }
    let largest = (work.batches.map(\.elements).max() ?? 0, work.batches.map(\.cuts.count).max() ?? 0)
    frames = (0..<pool.threads).map { _ in FrameSet(tree.nodes, table, largestBatch: largest) }
  }

  /// Points every segment at its gradient and its parameter's step; cuts anew when other parameters than before
  /// have gradients.
  func patch(_ gradients: [UnsafeRawPointer?]) {
    let present = gradients.map { $0 != nil }
    if present != hasGradient {
      hasGradient = present
      work = WorkList(
        table.parameters, hasGradient: present, granularity: tree.granularity, pieceElements: pieceElements)
      build()
    }
    for (node, table) in zip(tree.nodes, segments) {
      for (i, cut) in work.cuts.enumerated() {
        let offset = cut.offset * self.table.parameters[cut.parameter].dtype.size
        table.segments[i].gradient = gradients[cut.parameter].map { $0 + offset }
        table.segments[i].parameter_step = node.parameterSteps[cut.parameter]
      }
    }
  }

  /// Takes the gradients out of all segments, for calls outside a step.
  func removeGradients() {
    for (node, table) in zip(tree.nodes, segments) {
      for (i, cut) in work.cuts.enumerated() {
        table.segments[i].gradient = nil
        table.segments[i].parameter_step = node.parameterSteps[cut.parameter]
      }
    }
  }

  /// Calls `function` of the node at `index` with each batch.
  /// - Throws: `OptimizerError.call` with the message of the first batch, by number, that failed.
  func run(
    _ function: Function, named name: String, node index: Int = 0, step: UInt64, seed: UInt64,
    gradientScale: Double = 1
  ) throws {
    let instance = tree.nodes[index].instance
    let failure = FirstFailure()
    let isSmall = work.batches.reduce(0) { $0 + $1.elements } < Self.smallWork
    let body = { [self] (worker: Int, piece: Int) in
      let frame = frames[worker].prepare(
        work.batches[piece], segments, step: step, seed: seed, gradientScale: gradientScale, root: index)
      let (status, message) = withMessage { function(instance, frame, $0) }
      if status != OPTPLUG_OK { failure.report(piece, message) }
    }
    if isSmall {
      for piece in work.batches.indices { body(0, piece) }
    } else {
      pool.run(work.batches.count, body)
    }
    if let message = failure.message {
      throw OptimizerError.call(tree.nodes[index].type.name, function: name, problem: message)
    }
  }
}

/// Of all failures that threads report, the one with the lowest number, so that messages do not depend on timing.
private final class FirstFailure: Sendable {
  private let first = Mutex<(piece: Int, message: String)?>(nil)

  func report(_ piece: Int, _ message: String) {
    first.withLock { if $0.map({ piece < $0.piece }) ?? true { $0 = (piece, message) } }
  }

  var message: String? { first.withLock { $0?.message } }
}
