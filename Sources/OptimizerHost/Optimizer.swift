// An optimizer over a trainer's parameters: loads plugins, owns their state, takes steps.

import COptPlug
import BasicFoundation

/// A composed optimizer that updates a fixed list of parameters in place.
///
/// ```swift
/// let optimizer = try Optimizer("lookahead(k=5, adam(lr=5e-4))", parameters: parameters, threads: 2)
/// try optimizer.step(gradients: gradients)
/// ```
/// The result of a step is the same, bit for bit, for any number of threads. Use an optimizer from one thread
/// at a time; several optimizers may be used at once.
public final class Optimizer {
  let tree: Tree
  let table: ParameterTable
  let groups: [ParameterGroup]
  let engine: StepEngine
  private let arena: StateArena
  let restarting: [Restarting]
  private let seed: UInt64
  /// Nil where the optimizers' own code takes every step.
  private var programs: ProgramStep?
  private(set) var isShowingEvaluationWeights = false
  /// Whether parameters, gradients and state lie in the memory of a GPU: then the host never reads them.
  package let isOnDevice: Bool
  /// In the middle of a step, where the trainer's code may run to evaluate the loss again.
  package private(set) var isStepping = false
  /// What is wrong with state that was written in place, until it is written anew.
  var refusedState: OptimizerError?

  /// Steps taken, by all parameters together.
  public package(set) var stepCount: UInt64 = 0

  /// Finds the plugins of an expression, checks them, and gives every parameter its state. State that starts as a copy
  /// of the parameters takes them as they are at the first step, or when state is first read or restored.
  /// - Parameters:
  ///   - expression: see `OptimizerExpression`.
  ///   - registry: where names are looked up.
  ///   - parameters: what to update; their memory must outlive the optimizer.
  ///   - groups: settings that differ between parameters.
  ///   - overrides: settings on top of the expression, by name or path, in order; a later one wins.
  ///   - threads: how many threads take part in a step.
  ///   - seed: of plugins that use random numbers.
  ///   - pieceElements: how long the pieces of a tensor are that one call gets; the result does not depend on it.
  ///   - compiler: what makes programs of the whole tree, where its optimizers have formulas; the result
  ///     does not depend on it. Where there is no program, their own code takes the step, and `programProblem` says why.
  ///   - trace: what records every call of a plugin's functions; the result does not depend on it. Not with a compiler.
  /// - Throws: `OptimizerError`.
  public convenience init(
    _ expression: OptimizerExpression, registry: PluginRegistry = .standard(), parameters: [Parameter],
    groups: [ParameterGroup] = [ParameterGroup(name: "all")], overrides: [(name: String, value: String)] = [],
    threads: Int = 1, seed: UInt64 = 0, pieceElements: Int = 8192, compiler: ProgramCompiler? = nil,
    trace: Trace? = nil
  ) throws {
    try self.init(
      expression, registry: registry, parameters: parameters, groups: groups, overrides: overrides,
      threads: threads, seed: seed, pieceElements: pieceElements, compiler: compiler, trace: trace,
      isOnDevice: false)
  }

  /// As above.
  /// - Parameter isOnDevice: whether parameters lie in the memory of a GPU; `CUDASession` takes the steps then.
  package init(
    _ expression: OptimizerExpression, registry: PluginRegistry = .standard(), parameters: [Parameter],
    groups: [ParameterGroup] = [ParameterGroup(name: "all")], overrides: [(name: String, value: String)] = [],
    threads: Int = 1, seed: UInt64 = 0, pieceElements: Int = 8192, compiler: ProgramCompiler? = nil,
    trace: Trace? = nil, isOnDevice: Bool
  ) throws {
    guard trace == nil || compiler == nil else {
      throw OptimizerError.tracing(
        "it records the calls of the optimizers' own code, which compiled programs replace; leave one of both out"
      )
    }
    try trace?.take()
    self.isOnDevice = isOnDevice
    table = try ParameterTable(parameters, groupCount: groups.count)
    tree = try Tree(expression, registry, table, trace: trace)
    self.groups = groups
    self.seed = seed
    for (name, value) in overrides {
      let cell = try tree.cell(name)
      let value = try cell.type.parse(value)
      for group in groups.indices { cell.node[group, cell.index] = value }
    }
    for (place, group) in groups.enumerated() {
      for (name, value) in group.hyperparameters {
        let cell = try tree.cell(name)
        if let problem = cell.type.problem(with: value) {
          throw OptimizerError.hyperparameter(
            name, problem: "\(problem), not \(value) (group '\(group.name)')")
        }
        cell.node[place, cell.index] = value
      }
      for (name, value) in group.settings {
        let cell = try tree.cell(name)
        cell.node[place, cell.index] = try cell.type.parse(value)
      }
    }
    for node in tree.nodes { for group in groups.indices { try node.check(group: group) } }
    try tree.route(table)
    try tree.checkTypes(table)
    for node in tree.nodes.reversed() {
      try node.createInstance()
      try node.plan(table)
    }
    restarting = tree.nodes.compactMap(Restarting.init)
    mayReevaluate = tree.nodes.contains { $0.type.has(OPTPLUG_CAPABILITY_REEVALUATE) }
    arena = try StateArena(tree.nodes, table)
    engine = try StepEngine(tree, table, threads: threads, pieceElements: pieceElements)
    if let compiler {
      do {
        programs = try ProgramStep(self, compiler, pieceElements: pieceElements)
      } catch OptimizerError.formula(let name, let problem) {
        programProblem = Self.words(for: name, problem)
      }
    }
  }

  private static func words(for name: String, _ problem: String) -> String {
    "the optimizers' own code takes the steps, since '\(name)' has no formula: \(problem)"
  }

  /// Reads the expression, then as above.
  public convenience init(
    _ expression: String, registry: PluginRegistry = .standard(), parameters: [Parameter],
    groups: [ParameterGroup] = [ParameterGroup(name: "all")], overrides: [(name: String, value: String)] = [],
    threads: Int = 1, seed: UInt64 = 0, pieceElements: Int = 8192, compiler: ProgramCompiler? = nil,
    trace: Trace? = nil
  ) throws {
    try self.init(
      OptimizerExpression(parsing: expression), registry: registry, parameters: parameters, groups: groups,
      overrides: overrides, threads: threads, seed: seed, pieceElements: pieceElements, compiler: compiler,
      trace: trace)
  }

  /// What the trainer may show: the expression with every value of the first group.
  public var expression: String { tree.canonicalExpression() }

  /// The optimizers of the tree, wrappers before their bases.
  public var optimizers: [OptimizerType] { tree.nodes.map(\.type) }

  /// Bytes of state that the optimizer holds.
  public var stateBytes: Int { arena.byteCount }

  /// Whether an optimizer of the tree may ask for the loss again in the middle of a step, so that `step` needs
  /// `reevaluate`.
  public let mayReevaluate: Bool

  /// Whether compiled programs take steps, at least some.
  public var usesPrograms: Bool { programs != nil }

  /// Why the optimizers' own code took a step, or takes all, although there is a compiler: a sentence for people.
  public private(set) var programProblem: String?

  /// Updates every parameter that has a gradient; wrappers may update the others too.
  /// - Parameters:
  ///   - gradients: one for each parameter in order, of its shape and type; nil where there is none.
  ///   - clippingNorm: 0 or more; gradients are scaled down to a global norm of at most this, by
  ///     `min(1, clippingNorm / (norm + 1e-6))` as `torch.nn.utils.clip_grad_norm_` scales them. They are read once
  ///     more for the norm; they are scaled as the step reads them, and stay as they are. Nil: no clipping.
  ///   - gradientScale: by which each gradient is multiplied first, as it is read (unscaling, averaging).
  ///   - loss: of this evaluation, for optimizers that look at it; not a number when it is not known.
  ///   - reevaluate: computes loss and gradients anew, from the parameters as they are when it is called, into the
  ///     same memory, and returns the loss. Only where `mayReevaluate`.
  /// - Returns: the global norm before clipping, of the first evaluation; nil without clipping.
  /// - Throws: `OptimizerError.norm` when clipping is asked for and the norm of the first evaluation is not finite;
  ///   nothing has changed then. `OptimizerError.parameters` likewise for arguments that make no sense.
  ///   `OptimizerError.program` when a step's program cannot be compiled; nothing has changed then.
  ///   `OptimizerError.call` when a plugin fails, and what `reevaluate` throws: parameters and state are then undefined.
  @discardableResult
  public func step(
    gradients: [UnsafeRawPointer?], clippingNorm: Double? = nil, gradientScale: Double = 1,
    loss: Double = .nan,
    reevaluate: (() throws -> Double)? = nil
  ) throws -> Double? {
    try check(gradients, gradientScale)
    if let clippingNorm, !(clippingNorm >= 0) {
      throw OptimizerError.parameters("the clipping norm is \(clippingNorm); it must be 0 or more")
    }
    guard reevaluate != nil || !mayReevaluate else {
      throw OptimizerError.parameters(
        "\(expression) evaluates the loss several times in a step; hand `reevaluate` to step, or use another optimizer"
      )
    }
    let first = try clipped(gradients, gradientScale, clippingNorm)
    if try stepByPrograms(gradients, gradientScale: first.scale) { return first.norm }
    stepCount += 1
    let facts = StepFacts(step: stepCount, seed: stepSeed, gradientScale: first.scale, loss: loss)
    isStepping = true
    defer { isStepping = false }
    try engine.step(gradients, facts) {
      guard let loss = try reevaluate?() else {
        throw OptimizerError.parameters("nothing evaluates the loss again")
      }
      return StepEngine.Evaluation(
        gradients: gradients, gradientScale: try clippedAgain(gradients, gradientScale, clippingNorm),
        loss: loss)
    }
    restartBases()
    return first.norm
  }

  /// Takes a step by compiled programs, if there are any for it.
  private func stepByPrograms(_ gradients: [UnsafeRawPointer?], gradientScale: Double) throws -> Bool {
    guard let programs else { return false }
    do {
      let (work, pieces, elements) = try programs.prepare(gradients, gradientScale: gradientScale)
      engine.startState()
      stepCount += 1
      engine.step(gradients, by: work, pieces: pieces, elements: elements)
    } catch OptimizerError.formula(let name, let problem) {
      programProblem = programProblem ?? Self.words(for: name, problem)
      return false
    } catch OptimizerError.program(let problem) {
      // A training does not end for want of a compiler in its middle.
      self.programs = nil
      programProblem = "from step \(stepCount + 1) on the optimizers' own code takes the steps: \(problem)"
      return false
    }
    restartBases()
    return true
  }

  /// The scale that clips the gradients of a further evaluation. That their norm is not finite comes too late for the
  /// step to be left out, hence another error.
  private func clippedAgain(_ gradients: [UnsafeRawPointer?], _ scale: Double, _ clippingNorm: Double?) throws
    -> Double
  {
    do { return try clipped(gradients, scale, clippingNorm).scale } catch OptimizerError.norm(let norm) {
      throw OptimizerError.call(
        tree.root.type.name, function: "step",
        problem:
          "the gradients' norm is \(norm) where the loss was evaluated again; parameters and state are undefined"
      )
    }
  }

  /// The scale that clips the gradients, and their norm before.
  private func clipped(_ gradients: [UnsafeRawPointer?], _ scale: Double, _ clippingNorm: Double?) throws -> (
    scale: Double, norm: Double?
  ) {
    guard let clippingNorm else { return (scale, nil) }
    let norm = engine.globalNorm(gradients) * abs(scale)
    guard norm.isFinite else { throw OptimizerError.norm(norm) }
    return (scale * min(1, clippingNorm / (norm + 1e-6)), norm)
  }

  /// The Euclidean norm of all elements of all gradients, summed in double in an order that depends on shapes alone.
  /// Infinite or not a number when an element is; a float64 above 1e154 is too large, one below 1e-154 counts as zero.
  /// - Parameter gradients: as for `step`.
  /// - Throws: `OptimizerError.parameters`.
  public func globalNorm(of gradients: [UnsafeRawPointer?]) throws -> Double {
    try check(gradients, 1)
    return engine.globalNorm(gradients)
  }

  /// What evaluates the loss again runs in the middle of a step, where nothing else may happen.
  func checkIsNotStepping() throws {
    guard !isStepping else {
      throw OptimizerError.parameters("the optimizer may not be used while a step evaluates the loss again")
    }
  }

  /// - Throws: `OptimizerError.parameters` where the parameters are not the host's.
  package func checkIsOnHost() throws {
    guard !isOnDevice else {
      throw OptimizerError.parameters("they lie on a GPU, where only steps by programs reach them")
    }
  }

  func check(_ gradients: [UnsafeRawPointer?], _ gradientScale: Double) throws {
    try checkIsOnHost()
    try checkStep(gradients, gradientScale)
  }

  func checkStep(_ gradients: [UnsafeRawPointer?], _ gradientScale: Double) throws {
    guard gradients.count == table.parameters.count else {
      throw OptimizerError.parameters("\(gradients.count) gradients for \(table.parameters.count) parameters")
    }
    guard Float(gradientScale).isFinite else {
      throw OptimizerError.parameters("the gradient scale is \(gradientScale); it must be finite as float32")
    }
    guard !isShowingEvaluationWeights else {
      throw OptimizerError.parameters("no step may be taken inside withEvaluationWeights")
    }
    try checkIsNotStepping()
    if let refusedState { throw refusedState }
  }

  /// A key that differs from step to step and is the same for equal runs (SplitMix64's output function).
  private var stepSeed: UInt64 {
    var z = seed &+ stepCount &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A wrapper that may ask for its bases to start afresh.
  struct Restarting {
    let bases: [Node]
    let node: Node
    private let restarts: @convention(c) (OpaquePointer?, UInt64, UnsafePointer<Double>?) -> UInt32

    init?(_ node: Node) {
      let table = node.type.table(
        OPTPLUG_EXTENSION_RESTART_BASES, as: optplug_restart_bases.self, least: OPTPLUG_RESTART_BASES_SIZE_1_0
      )
      guard let restarts = table?.pointee.restarts else { return nil }
      self.node = node
      bases = Array(node.subtree.dropFirst())
      self.restarts = restarts
    }

    /// Whether the bases shall start afresh for a group, after the step of this number.
    func asks(after step: UInt64, group: Int) -> Bool {
      keepingFloatingPointMode { restarts(node.instance, step, node.valueRows[group]) != 0 }
    }
  }

  /// Starts the bases of a wrapper afresh where it asks for it.
  func restartBases() {
    forEachRestart { bases, parameters in
      for base in bases {
        for i in parameters {
          base.parameterSteps[i] = 0
          for slot in base.ownSlots[i] { slot.reset(from: table.parameters[i].values) }
        }
      }
    }
  }

  /// Hands over the bases that a wrapper asks to start afresh after this step, and the parameters for which.
  func forEachRestart(_ body: (_ bases: [Node], _ parameters: [Int]) -> Void) {
    for wrapper in restarting {
      for group in groups.indices where wrapper.asks(after: stepCount, group: group) {
        body(
          wrapper.bases,
          table.parameters.indices.filter {
            table.parameters[$0].group == group && wrapper.node.view.contains($0)
          })
      }
    }
  }

  private var evaluationView: (index: Int, table: optplug_eval_view)? {
    for (i, node) in tree.nodes.enumerated() {
      let table = node.type.table(
        OPTPLUG_EXTENSION_EVAL_VIEW, as: optplug_eval_view.self, least: OPTPLUG_EVAL_VIEW_SIZE_1_0)
      if let table, table.pointee.enter != nil, table.pointee.leave != nil { return (i, table.pointee) }
    }
    return nil
  }

  /// Whether a wrapper keeps other weights for evaluation than those being trained.
  public var hasEvaluationWeights: Bool { evaluationView != nil }

  /// Runs `body` with the evaluation weights in the parameters, as Lookahead's slow weights, and then puts the
  /// training weights back, bit for bit. Without such weights, or before the first step, it just runs `body`. No state
  /// can be restored inside.
  /// - Throws: what `body` throws, or `OptimizerError.call`.
  public func withEvaluationWeights<R>(_ body: () throws -> R) throws -> R {
    guard !isShowingEvaluationWeights else { return try body() }
    try enterEvaluation()
    let result = Result { try body() }
    try leaveEvaluation()
    return try result.get()
  }

  /// Puts the evaluation weights into the parameters, where there are any.
  /// - Throws: as `withEvaluationWeights`.
  package func enterEvaluation() throws {
    try checkIsOnHost()
    try checkIsNotStepping()
    guard !isShowingEvaluationWeights, stepCount > 0, let (index, view) = evaluationView else { return }
    if let enter = view.enter {
      try engine.run(enter, named: "enter", root: index, StepFacts(step: stepCount, seed: stepSeed))
    }
    isShowingEvaluationWeights = true
  }

  /// Puts the training weights back, if the others are there.
  /// - Throws: `OptimizerError.call`.
  package func leaveEvaluation() throws {
    guard isShowingEvaluationWeights, let (index, view) = evaluationView else { return }
    isShowingEvaluationWeights = false
    if let leave = view.leave {
      try engine.run(leave, named: "leave", root: index, StepFacts(step: stepCount, seed: stepSeed))
    }
  }
}
