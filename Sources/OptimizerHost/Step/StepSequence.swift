// The order of sweeps in one step: which node is in which pass and phase, and who works when.

import COptPlug

/// Walks a tree through its passes and phases.
///
/// A node takes its own passes and phases; in the last phase of its last pass its bases work, which may take passes
/// and phases of their own. The bases of one node work side by side.
final class StepSequence {
  enum Next {
    /// Another sweep over the same gradients.
    case sweep
    /// The loss is to be evaluated again first; then `resume`.
    case reevaluation
    case done
  }

  private enum Stage { case idle, running, waiting, finished }

  private struct State {
    var stage = Stage.idle
    var pass = 0
    var phase = 0
    /// Whether this is the last phase of the last pass, in which the bases work.
    var concludes = false
    /// Whether the bases have not worked yet.
    var isFirst = true
  }

  /// Passes of one step after which an optimizer is taken to ask for ever.
  static let mostPasses = 1000

  /// Whether every step is one sweep, in which all nodes see everything.
  let isSimple: Bool
  /// Per node, what it is told in the sweep to come.
  let sweeps: UnsafeMutableBufferPointer<NodeSweep>
  private let nodes: [Node]
  private let bases: [[Int]]
  private var states: [State]

  init(_ nodes: [Node]) {
    self.nodes = nodes
    bases = nodes.map { node in node.bases.compactMap { base in nodes.firstIndex { $0 === base } } }
    isSimple = nodes.allSatisfy { $0.plan.phases == 1 && $0.type.descriptor.pointee.decide == nil }
    sweeps = .allocate(capacity: nodes.count)
    sweeps.initialize(repeating: NodeSweep())
    states = nodes.map { _ in State() }
  }

  deinit { sweeps.deallocate() }

  /// Begins a step.
  /// - Parameter decide: asks a node in a pass whether it wants the loss evaluated again after it.
  /// - Throws: what `decide` throws.
  func begin(_ decide: (Int, Int) throws -> Bool) throws {
    guard !isSimple else { return }
    for i in nodes.indices { states[i] = State() }
    try start(0, decide)
    makeSweeps()
  }

  /// To be called after a sweep.
  /// - Parameter reduce: reduces what a node collected.
  /// - Throws: what `decide` throws, or `OptimizerError.call` when there is no end to the passes.
  func advance(reduce: (Int) -> Void, _ decide: (Int, Int) throws -> Bool) throws -> Next {
    guard !isSimple else { return .done }
    try finishSweep(0, reduce, decide)
    if states[0].stage == .finished { return .done }
    guard works(0) else { return .reevaluation }
    makeSweeps()
    return .sweep
  }

  /// To be called after the loss has been evaluated again.
  func resume(_ decide: (Int, Int) throws -> Bool) throws {
    for i in nodes.indices where states[i].stage == .waiting {
      states[i].stage = .running
      try enterPhase(i, decide)
    }
    makeSweeps()
  }

  private func isLastPhase(_ i: Int) -> Bool { states[i].phase == nodes[i].plan.phases - 1 }

  private func start(_ i: Int, _ decide: (Int, Int) throws -> Bool) throws {
    states[i] = State(stage: .running)
    try enterPhase(i, decide)
  }

  private func enterPhase(_ i: Int, _ decide: (Int, Int) throws -> Bool) throws {
    states[i].concludes = false
    guard isLastPhase(i), try !decide(i, states[i].pass) else { return }
    states[i].concludes = true
    for base in bases[i] { try start(base, decide) }
  }

  /// Whether a node, or a base for which it is called, has something to do in the sweep to come.
  private func works(_ i: Int) -> Bool {
    guard states[i].stage == .running else { return false }
    return !states[i].concludes || bases[i].isEmpty || bases[i].contains(where: works)
  }

  /// Whether the sweep to come is a node's last.
  private func ends(_ i: Int) -> Bool {
    states[i].stage == .running && states[i].concludes
      && bases[i].allSatisfy { states[$0].stage == .finished || ends($0) }
  }

  private func makeSweeps() {
    for (i, node) in nodes.enumerated() {
      let (state, works, ends) = (states[i], works(i), ends(i))
      let isFirst = works && state.concludes && state.isFirst
      sweeps[i] = NodeSweep(
        isShown: works && (!state.concludes || ends || node.seesEveryPhase),
        flags: (isFirst ? OPTPLUG_FRAME_FIRST : 0) | (ends ? OPTPLUG_FRAME_LAST : 0)
          | (works && state.concludes ? OPTPLUG_FRAME_WORKS : 0),
        pass: UInt32(state.pass), phase: UInt32(state.phase), collects: works && !isLastPhase(i))
    }
  }

  private func finishSweep(
    _ i: Int, _ reduce: (Int) -> Void, _ decide: (Int, Int) throws -> Bool
  ) throws {
    guard works(i) else { return }
    if states[i].concludes {
      guard !ends(i) else { return finish(i) }
      states[i].isFirst = false
      for base in bases[i] { try finishSweep(base, reduce, decide) }
    } else if isLastPhase(i) {
      states[i].pass += 1
      states[i].phase = 0
      states[i].stage = .waiting
      guard states[i].pass < Self.mostPasses else {
        throw OptimizerError.call(
          nodes[i].type.name, function: "decide",
          problem: "it asked for the loss \(Self.mostPasses) times in one step")
      }
    } else {
      reduce(i)
      states[i].phase += 1
      try enterPhase(i, decide)
    }
  }

  private func finish(_ i: Int) {
    states[i].stage = .finished
    for base in bases[i] { finish(base) }
  }
}
