// Runs functions of the tree over all parameters, on all threads.

import COptPlug
import Foundation

/// Everything that a step needs, made before the first: tables, frames and threads. A step only patches them.
final class StepEngine {
  private let tree: Tree
  private let table: ParameterTable
  private let pool: ThreadPool
  private var list: WorkList
  private var neighbours: Neighbours
  /// Per parameter, that of the last step.
  private let gradients: UnsafeMutableBufferPointer<UnsafeRawPointer?>
  private var missingGradients: Int
  private var isCut = false
  private var hasStarted = false
  private let segments: [SegmentTable]
  let work: StepWork
  private let stepFunction: FrameFunction?
  private let norm: NormWork

  /// Below this many elements waking a thread costs more than it saves.
  private static let smallWork = 32_768

  init(_ tree: Tree, _ table: ParameterTable, threads: Int, pieceElements: Int) {
    self.tree = tree
    self.table = table
    stepFunction = tree.root.type.descriptor.pointee.step
    pool = ThreadPool(threads: threads)
    let list = WorkList(
      table.parameters, order: table.order, granularity: tree.granularity, pieceElements: pieceElements)
    self.list = list
    neighbours = Neighbours(tree.nodes, table, order: list.order, granularity: tree.granularity)
    gradients = .allocate(capacity: table.parameters.count)
    gradients.initialize(repeating: nil)
    missingGradients = gradients.count
    segments = tree.nodes.map { SegmentTable($0, table, list) }
    let frames = (0..<pool.threads).map { _ in FrameSet(tree.nodes, table, list) }
    work = StepWork(segments, frames, gradients: UnsafePointer(gradients.baseAddress))
    norm = NormWork(table.parameters, gradients: gradients)
  }

  deinit { gradients.deallocate() }

  /// Takes one step.
  /// - Throws: `OptimizerError.call`.
  func step(_ newGradients: [UnsafeRawPointer?], _ facts: StepFacts) throws {
    adopt(newGradients)
    for node in tree.nodes {
      let steps = node.parameterSteps
      if missingGradients == 0 {
        for i in steps.indices { steps[i] += 1 }
      } else {
        for i in steps.indices where gradients[i] != nil { steps[i] += 1 }
      }
    }
    if let stepFunction { try run(stepFunction, named: "step", facts, showingGradients: true) }
  }

  /// The square root of the sum of the squares of all elements of all gradients.
  func globalNorm(_ newGradients: [UnsafeRawPointer?]) -> Double {
    adopt(newGradients)
    pool.run(norm.count, alone: norm.elements < Self.smallWork, norm)
    return norm.total.squareRoot()
  }

  /// Remembers the gradients; what was cut for others is cut anew when it does not suit them.
  private func adopt(_ newGradients: [UnsafeRawPointer?]) {
    guard !newGradients.elementsAreThose(of: gradients) else { return }
    for i in gradients.indices where gradients[i] != newGradients[i] {
      if (newGradients[i] == nil) != (gradients[i] == nil) {
        missingGradients += newGradients[i] == nil ? 1 : -1
        isCut = false
      }
      gradients[i] = newGradients[i]
    }
    if isCut, neighbours.separate(gradients) { isCut = false }
  }

  /// Gives all slots their initial values, unless an earlier step did. To be called before slots are read or written
  /// from outside.
  func startState() {
    if !hasStarted { run(nil) }
  }

  /// To be called when counters have been changed from outside.
  func countersHaveChanged() { isCut = false }

  private func cutIfNeeded() {
    guard !isCut else { return }
    neighbours.join(gradients)
    if neighbours.separate(gradients) { neighbours.join(gradients) }
    list.cut(hasGradient: { gradients[$0] != nil }, isJoined: neighbours.isJoined)
    for table in segments { table.fill(list) }
    isCut = true
  }

  /// Calls `function` of the node at `root` with each batch.
  /// - Throws: `OptimizerError.call` with the message of the first batch, by number, that failed.
  func run(
    _ function: @escaping FrameFunction, named name: String, root: Int = 0, _ facts: StepFacts,
    showingGradients: Bool = false
  ) throws {
    run(function, root: root, facts, showingGradients: showingGradients)
    if let message = work.takeFailure() {
      throw OptimizerError.call(tree.nodes[root].type.name, function: name, problem: message)
    }
  }

  private func run(
    _ function: FrameFunction?, root: Int = 0, _ facts: StepFacts = StepFacts(),
    showingGradients: Bool = false
  ) {
    cutIfNeeded()
    work.call = StepWork.Call(
      function: function, instance: tree.nodes[root].instance, root: root, facts: facts,
      showsGradients: showingGradients, startsState: !hasStarted)
    hasStarted = true
    work.batches = list.batches
    pool.run(list.batches.count, alone: list.elements < Self.smallWork, work)
    work.batches = []
  }
}

extension [UnsafeRawPointer?] {
  /// Whether both hold the same, as mostly in a trainer with gradients in fixed places: faster than one by one.
  fileprivate func elementsAreThose(of other: UnsafeMutableBufferPointer<UnsafeRawPointer?>) -> Bool {
    withUnsafeBytes { bytes in
      guard let mine = bytes.baseAddress, let others = other.baseAddress else { return isEmpty }
      return memcmp(mine, others, bytes.count) == 0
    }
  }
}
