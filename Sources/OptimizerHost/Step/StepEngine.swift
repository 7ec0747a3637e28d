// Runs functions of the tree over all parameters, on all threads.

import COptPlug
import BasicFoundation
import Synchronization

/// Everything that a step needs, made before the first: tables, frames and threads. A step only patches them.
final class StepEngine {
  /// The loss and its gradients, evaluated again in the middle of a step.
  struct Evaluation {
    let gradients: [UnsafeRawPointer?]
    let gradientScale: Double
    let loss: Double
  }

  private let tree: Tree
  private let table: ParameterTable
  private let pool: ThreadPool
  private var list: WorkList
  private var neighbours: Neighbours
  /// Per parameter, that of the last evaluation.
  private let gradients: UnsafeMutableBufferPointer<UnsafeRawPointer?>
  private var missingGradients: Int
  private var isCut = false
  private var hasStarted = false
  private let segments: [SegmentTable]
  private let reductions: [NodeReductions]
  private let frames: [FrameSet]
  let work: StepWork
  private let stepFunction: FrameFunction?
  private let sequence: StepSequence
  private let plainSweeps: UnsafeMutableBufferPointer<NodeSweep>
  private let norm: NormWork
  /// Whether a call may have to see the whole model, so that no other may run beside it.
  private let isSerial: Bool
  /// How often something lay elsewhere than before.
  private(set) var moves = 0

  /// Below this many elements waking a thread costs more than it saves.
  private static let smallWork = 32_768

  /// - Throws: `OptimizerError.parameters` when there is not enough memory.
  init(_ tree: Tree, _ table: ParameterTable, threads: Int, pieceElements: Int) throws {
    self.tree = tree
    self.table = table
    stepFunction = tree.root.type.descriptor.pointee.step
    pool = ThreadPool(threads: threads)
    var granularities = tree.granularities(table)
    // Sums must not depend on the pieces that a trainer likes.
    let collects = tree.nodes.contains { !$0.plan.reductions.isEmpty }
    let pieceElements = collects ? Int(OPTPLUG_REDUCTION_LENGTH) : pieceElements
    let list = WorkList(
      table.parameters, order: table.order, granularities: granularities, pieceElements: pieceElements)
    self.list = list
    neighbours = Neighbours(tree.nodes, table, order: list.order, granularities: granularities)
    gradients = .allocate(capacity: table.parameters.count)
    gradients.initialize(repeating: nil)
    missingGradients = gradients.count
    segments = tree.nodes.map { SegmentTable($0, table, list) }
    let reductions = tree.nodes.map { NodeReductions($0, table, list) }
    self.reductions = reductions
    frames = try (0..<pool.threads).map { _ in try FrameSet(tree.nodes, table, list, reductions) }
    isSerial = tree.nodes.contains { $0.type.granularity == .model }
    // Where calls are long, threads that are done help those that are not.
    granularities.removeAll { $0 < .tensor }
    work = StepWork(
      segments, frames, gradients: UnsafePointer(gradients.baseAddress.unsafelyUnwrapped),
      masters: table.masters,
      helps: pool.threads > 1 && !granularities.isEmpty && SharedLoops.areUsed.load(ordering: .relaxed))
    sequence = StepSequence(tree.nodes)
    plainSweeps = .allocate(capacity: tree.nodes.count)
    plainSweeps.initialize(repeating: NodeSweep(flags: 0))
    norm = NormWork(table.trainerTypes, gradients: gradients)
  }

  deinit {
    gradients.deallocate()
    plainSweeps.deallocate()
  }

  /// Takes one step.
  /// - Parameter reevaluate: evaluates the loss again.
  /// - Throws: `OptimizerError.call`, or what `reevaluate` throws.
  func step(_ newGradients: [UnsafeRawPointer?], _ facts: StepFacts, reevaluate: () throws -> Evaluation)
    throws
  {
    count(newGradients)
    guard let stepFunction else { return }
    guard !sequence.isSimple else {
      return try run(stepFunction, named: "step", facts, sequence.sweeps, showingGradients: true)
    }
    try stepInSweeps(stepFunction, facts, reevaluate)
  }

  /// Takes one step by other code than the optimizers' own.
  /// - Parameters:
  ///   - pieces: of the work.
  ///   - elements: over all pieces.
  func step(_ newGradients: [UnsafeRawPointer?], by work: any SharedWork, pieces: Int, elements: Int) {
    count(newGradients)
    pool.run(pieces, alone: elements < Self.smallWork, work)
  }

  /// Counts a step for every parameter that has a gradient in it.
  private func count(_ newGradients: [UnsafeRawPointer?]) {
    adopt(newGradients)
    for node in tree.nodes {
      let steps = node.parameterSteps
      if missingGradients == 0 {
        for i in steps.indices { steps[i] += 1 }
      } else {
        for i in steps.indices where gradients[i] != nil { steps[i] += 1 }
      }
    }
  }

  /// A step of several sweeps.
  private func stepInSweeps(
    _ step: @escaping FrameFunction, _ facts: StepFacts, _ reevaluate: () throws -> Evaluation
  ) throws {
    var facts = facts
    startState()
    try sequence.begin { try asksAgain($0, pass: $1, facts) }
    while true {
      try run(step, named: "step", facts, sequence.sweeps, showingGradients: true)
      switch try sequence.advance(reduce: reduce, { try asksAgain($0, pass: $1, facts) }) {
      case .sweep: continue
      case .done: return
      case .reevaluation:
        let evaluation = try reevaluate()
        adopt(evaluation.gradients)
        facts.gradientScale = evaluation.gradientScale
        facts.loss = evaluation.loss
        try sequence.resume { try asksAgain($0, pass: $1, facts) }
      }
    }
  }

  /// Reduces what a node collected in a sweep.
  private func reduce(_ node: Int) {
    let wantsAll = tree.nodes[node].wantsAllParameters
    reductions[node].reduce(
      segments[node],
      shown: list.batches.lazy.filter { $0.hasGradients || wantsAll }.map { self.segments[node].range($0) })
  }

  /// Asks a node whether it wants the loss again after a pass.
  private func asksAgain(_ place: Int, pass: Int, _ facts: StepFacts) throws -> Bool {
    let node = tree.nodes[place]
    guard let decide = node.type.descriptor.pointee.decide else { return false }
    let results = node.plan.reductions.isEmpty ? nil : reductions[place]
    var known = optplug_pass(
      struct_size: UInt32(MemoryLayout<optplug_pass>.size), group_count: UInt32(table.groupCount),
      step: facts.step,
      pass: UInt32(pass), reserved0: 0, hyperparameters: UnsafePointer(node.valueRows),
      tensor_reductions: results.map { UnsafePointer($0.tensors) },
      group_reductions: results.map { UnsafePointer($0.groups) },
      model_reductions: results.map { UnsafePointer($0.model) }, model_slots: frames[0].modelSlots(of: place),
      loss: facts.loss)
    var verdict = OPTPLUG_VERDICT_DONE
    let (status, message) = withMessage { decide(node.instance, &known, &verdict, $0) }
    func failed(_ problem: String) -> OptimizerError {
      .call(node.type.name, function: "decide", problem: problem)
    }
    guard status == OPTPLUG_OK else { throw failed(message) }
    switch verdict {
    case OPTPLUG_VERDICT_DONE: return false
    case OPTPLUG_VERDICT_REEVALUATE where node.type.has(OPTPLUG_CAPABILITY_REEVALUATE): return true
    case OPTPLUG_VERDICT_REEVALUATE:
      throw failed("it asks for the loss again without OPTPLUG_CAPABILITY_REEVALUATE")
    default: throw failed("it answers the unknown verdict \(verdict)")
    }
  }

  /// The square root of the sum of the squares of all elements of all gradients.
  func globalNorm(_ newGradients: [UnsafeRawPointer?]) -> Double {
    adopt(newGradients)
    pool.run(norm.count, alone: norm.elements < Self.smallWork, norm)
    return norm.total.squareRoot()
  }

  /// Remembers the gradients; what was cut for others is cut anew when it does not suit them.
  private func adopt(_ newGradients: [UnsafeRawPointer?]) {
    guard !newGradients.elementsAreThose(of: UnsafeBufferPointer(gradients)) else { return }
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
    if !hasStarted { run(nil, sweeps: plainSweeps) }
  }

  /// Slots that no piece of a parameter starts.
  private func startWhatHasNoPiece() {
    for node in tree.nodes {
      for slot in node.plan.modelSlots { slot.reset(from: nil) }
      for (parameter, slots) in zip(table.parameters, node.ownSlots) where parameter.count == 0 {
        for slot in slots { slot.reset(from: parameter.values) }
      }
    }
  }

  /// To be called when counters have been changed from outside.
  func countersHaveChanged() { isCut = false }

  /// To be called when a parameter or its state lies elsewhere, or with nil when state of the model does.
  func hasMoved(_ parameter: Int?) {
    moves += 1
    if let parameter {
      neighbours.remove(parameter)
    } else {
      for frames in frames { frames.takeModelSlots(tree.nodes) }
    }
    isCut = false
  }

  private func cutIfNeeded() {
    guard !isCut else { return }
    neighbours.join(gradients)
    if neighbours.separate(gradients) { neighbours.join(gradients) }
    list.cut(hasGradient: { gradients[$0] != nil }, isJoined: neighbours.isJoined)
    for table in segments { table.fill(list) }
    isCut = true
  }

  /// Calls `function` of the node at `root` with each batch, showing everything but gradients.
  /// - Throws: `OptimizerError.call`.
  func run(_ function: @escaping FrameFunction, named name: String, root: Int, _ facts: StepFacts) throws {
    try run(function, named: name, root: root, facts, plainSweeps, showingGradients: false)
  }

  /// Calls `function` of the node at `root` with each batch.
  /// - Throws: `OptimizerError.call` with the message of the first batch, by number, that failed.
  private func run(
    _ function: @escaping FrameFunction, named name: String, root: Int = 0, _ facts: StepFacts,
    _ sweeps: UnsafeMutableBufferPointer<NodeSweep>, showingGradients: Bool
  ) throws {
    run(function, root: root, facts, sweeps: sweeps, showingGradients: showingGradients)
    if let message = work.takeFailure() {
      throw OptimizerError.call(tree.nodes[root].type.name, function: name, problem: message)
    }
  }

  private func run(
    _ function: FrameFunction?, root: Int = 0, _ facts: StepFacts = StepFacts(),
    sweeps: UnsafeMutableBufferPointer<NodeSweep>,
    showingGradients: Bool = false
  ) {
    cutIfNeeded()
    if !hasStarted { startWhatHasNoPiece() }
    let call = StepWork.Call(
      function: function, instance: tree.nodes[root].instance, root: root, facts: facts, sweeps: sweeps,
      showsGradients: showingGradients, startsState: !hasStarted)
    work.open(call, list.batches)
    if work.needsCuts(call) { work.cuts = list.cuts }
    hasStarted = true
    pool.run(
      list.batches.count, alone: list.elements < Self.smallWork, serially: isSerial, wakesAll: work.helps,
      work)
    work.close()
  }
}

extension [UnsafeRawPointer?] {
  /// Whether both hold the same, as mostly in a trainer with gradients in fixed places: faster than one by one.
  func elementsAreThose(of other: UnsafeBufferPointer<UnsafeRawPointer?>) -> Bool {
    guard count == other.count else { return false }
    return withUnsafeBytes { bytes in
      guard let mine = bytes.baseAddress, let others = other.baseAddress else { return isEmpty }
      return memcmp(mine, others, bytes.count) == 0
    }
  }
}
