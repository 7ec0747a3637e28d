// Asks the optimizers of a tree for their formulas and joins them.

import COptPlug

/// The steps of an optimizer as programs: what each does to an element, wrappers and bases together.
///
/// Only for trees whose optimizers all have a formula (`OPTPLUG_EXTENSION_FORMULA`).
public final class Fusion {
  /// Parameters that are updated alike in a step.
  public struct Launch: Sendable {
    public let program: FusedProgram
    /// In double; the type of the parameters rounds them.
    public let constants: [Double]
    /// The type that the program computes in: that of the parameters' slots.
    public let dtype: DType
    /// The type of the parameters and gradients in the trainer's memory; of 16 bits where `dtype` is that of masters.
    public let parameterType: DType
    /// Places in the optimizer's list.
    public let parameters: [Int]
    /// Which of the situations into which the parameters are divided; -1 where state begins.
    let situation: Int
  }

  unowned let optimizer: Optimizer
  /// Keeps the optimizer, unless that keeps this object.
  private let owner: Optimizer?
  private let formulas: [Formula]
  /// Per parameter, a number that those share whose slots are the same under every node.
  let layouts: [Int]
  private var situations: Situations
  private var programs: [Key: FusedProgram] = [:]
  /// Per list, how many constants it had when it was first seen.
  private var constantCounts: [UnsafeRawPointer: Int] = [:]
  /// What an optimizer writes its constants to.
  private let constants: UnsafeMutablePointer<Double>

  private typealias Ask =
    @convention(c) (
      OpaquePointer?, UnsafePointer<optplug_moment>?,
      UnsafeMutablePointer<UnsafePointer<optplug_operations>?>?,
      UnsafeMutablePointer<Double>?, UnsafeMutablePointer<optplug_error>?
    ) -> optplug_status

  private struct Formula {
    let node: Node
    let ask: Ask

    init(_ node: Node) throws {
      self.node = node
      let table = node.type.table(
        OPTPLUG_EXTENSION_FORMULA, as: optplug_formula.self, least: OPTPLUG_FORMULA_SIZE_1_0)
      guard let ask = table?.pointee.operations else {
        throw OptimizerError.formula(
          node.type.name, problem: "it has none; it can only be stepped by its own code")
      }
      guard node.type.granularity == .element, node.plan.phases == 1,
        !node.type.has(OPTPLUG_CAPABILITY_REEVALUATE)
      else {
        throw OptimizerError.formula(
          node.type.name, problem: "it offers one, but looks at more than an element or takes several sweeps")
      }
      self.ask = ask
    }
  }

  /// What elements have in common that get the same program and constants.
  private struct Situation {
    let alike: Situations.Alike
    /// Of the whole optimizer.
    let step: UInt64
    /// Per node, the parameter's step.
    let steps: [Int64]
  }

  /// What parameters have in common whose slots are the same under every node.
  private struct Layout: Hashable {
    struct Slot: Hashable {
      let node, index: Int
      let name: String
      let dtype: DType
      let extent: SlotRecord.Extent
    }

    /// Where each is a case of its own.
    let parameter: Int?
    /// In the trainer's memory.
    let type: DType
    /// Per node; nil where it does not see the parameter.
    let slots: [[Slot]?]
  }

  /// What decides a program.
  private struct Key: Hashable {
    let layout: Int
    let hasGradient: Bool
    /// Of every node that acts, at each of its stages.
    var lists: [UnsafeRawPointer?] = []
  }

  /// - Throws: `OptimizerError.formula` for the first optimizer that has none.
  public convenience init(_ optimizer: Optimizer) throws { try self.init(of: optimizer, owner: optimizer) }

  /// - Parameter owner: the optimizer, unless that will own this object.
  init(of optimizer: Optimizer, owner: Optimizer?) throws {
    (self.optimizer, self.owner) = (optimizer, owner)
    formulas = try optimizer.tree.nodes.map(Formula.init)
    let table = optimizer.table
    // What only some promise: that nothing of the parameter counts but its group, steps, gradient and slots.
    let isAlike = optimizer.tree.nodes.allSatisfy { $0.type.has(OPTPLUG_CAPABILITY_JOINED_PARAMETERS) }
    var known: [Layout: Int] = [:]
    layouts = table.parameters.indices.map { place in
      let layout = Layout(
        parameter: isAlike ? nil : place, type: table.trainerTypes[place].dtype,
        slots: optimizer.tree.nodes.map { node in
          guard node.view.contains(place) else { return nil }
          return node.slots[place].map { slot in
            let owner = Self.owner(of: slot, place, optimizer.tree.nodes)
            return Layout.Slot(
              node: owner?.node ?? -1, index: owner?.index ?? -1, name: slot.name, dtype: slot.dtype,
              extent: slot.extent)
          }
        })
      let number = known[layout] ?? known.count
      known[layout] = number
      return number
    }
    situations = Situations(layouts: layouts)
    constants = .allocate(capacity: Int(OPTPLUG_FORMULA_CONSTANTS))
    constants.initialize(repeating: 0, count: Int(OPTPLUG_FORMULA_CONSTANTS))
  }

  deinit { constants.deallocate() }

  /// What the next step does, with parameters that are updated alike together.
  /// - Parameters:
  ///   - hasGradient: per parameter, whether it has a gradient in that step.
  ///   - gradientScale: by which each gradient is multiplied first.
  /// - Throws: `OptimizerError.formula` where an optimizer has no list for this step that this host knows, `call` for a
  ///   list that breaks a rule.
  public func launches(hasGradient: [Bool], gradientScale: Double = 1) throws -> [Launch] {
    let (nodes, table) = (optimizer.tree.nodes, optimizer.table)
    guard hasGradient.count == table.parameters.count else {
      throw OptimizerError.parameters(
        "\(hasGradient.count) gradients for \(table.parameters.count) parameters")
    }
    situations.update(hasGradient: hasGradient, nodes, table.parameters)
    let step = optimizer.stepCount + 1
    return try situations.all.indices.compactMap { place in
      let alike = situations.all[place]
      let first = alike.parameters[0]
      let steps = nodes.map { node in
        node.view.contains(first) ? node.parameterSteps[first] + (alike.hasGradient ? 1 : 0) : 0
      }
      return try launch(
        Situation(alike: alike, step: step, steps: steps), place, gradientScale: gradientScale)
    }
  }

  /// How often the situations of `launches` were divided anew.
  var divisions: Int { situations.divisions }

  /// One of the programs that an optimizer's steps come to.
  public struct Variant: Sendable {
    /// As in the first of `steps`.
    public let launch: Launch
    public let hasGradient: Bool
    /// The steps that it is for, with a gradient in each of them, or in none.
    public fileprivate(set) var steps: [Int]
  }

  /// The programs of the first parameter's first steps, in the order in which they come up. Steps for which an
  /// optimizer has no list are left out.
  /// - Throws: as `launches` does; `formula` when there is no list for any step.
  public func variants(upTo last: Int) throws -> [Variant] {
    var variants: [Variant] = []
    var gap: OptimizerError?
    let group = optimizer.table.parameters[0].group
    for hasGradient in [true, false] {
      var steps = formulas.map { _ in Int64(0) }
      for step in 1...last {
        if hasGradient { for node in steps.indices { steps[node] += 1 } }
        let alike = Situations.Alike(
          layout: layouts[0], group: group, hasGradient: hasGradient, parameters: [0])
        let situation = Situation(alike: alike, step: UInt64(step), steps: steps)
        do {
          if let launch = try launch(situation, 0, gradientScale: 1) {
            add(launch, step, hasGradient, to: &variants)
          }
        } catch OptimizerError.formula(let name, let problem) {
          gap = .formula(name, problem: problem)
        }
        for wrapper in optimizer.restarting where wrapper.asks(after: UInt64(step), group: group) {
          for (number, formula) in formulas.enumerated()
          where wrapper.bases.contains(where: { $0 === formula.node }) { steps[number] = 0 }
        }
      }
    }
    if variants.isEmpty, let gap { throw gap }
    return variants
  }

  private func add(_ launch: Launch, _ step: Int, _ hasGradient: Bool, to variants: inout [Variant]) {
    let known = variants.firstIndex {
      $0.hasGradient == hasGradient && $0.launch.program == launch.program
    }
    if let known {
      variants[known].steps.append(step)
    } else {
      variants.append(Variant(launch: launch, hasGradient: hasGradient, steps: [step]))
    }
  }

  /// - Parameter place: of the situation.
  private func launch(_ situation: Situation, _ place: Int, gradientScale: Double) throws -> Launch? {
    let alike = situation.alike
    let first = alike.parameters[0]
    var answers = Answers(
      constants: [gradientScale], key: Key(layout: alike.layout, hasGradient: alike.hasGradient))
    try ask(0, situation, first, &answers)
    let program: FusedProgram
    if let known = programs[answers.key] {
      program = known
    } else {
      program = try join(answers, hasGradient: alike.hasGradient, first)
      programs[answers.key] = program
    }
    guard !program.results.isEmpty else { return nil }
    return Launch(
      program: program, constants: program.constantPlaces.map { answers.constants[$0] },
      dtype: optimizer.table.parameters[first].dtype,
      parameterType: optimizer.table.trainerTypes[first].dtype, parameters: alike.parameters, situation: place
    )
  }

  /// What the nodes of a tree answered, in the order in which they act.
  private struct Answers {
    struct Answer {
      let node: Int
      let stage: UInt32
      let list: UnsafePointer<optplug_operations>?
    }

    var constants: [Double]
    var key: Key
    var given: [Answer] = []
  }

  /// Asks a node and those below it about an element, in the order in which they act.
  private func ask(_ number: Int, _ situation: Situation, _ parameter: Int, _ answers: inout Answers) throws {
    let node = formulas[number].node
    let acts = node.view.contains(parameter) && (situation.alike.hasGradient || node.wantsAllParameters)
    if acts, !node.bases.isEmpty { try ask(number, OPTPLUG_STAGE_BEFORE, situation, parameter, &answers) }
    let bases = node.bases.filter { base in base.subtree.contains { $0.view.contains(parameter) } }
    guard bases.count <= 1 else {
      throw OptimizerError.formula(
        node.type.name,
        problem: "several of its bases update the same parameter, in an order that only it knows")
    }
    for base in bases {
      if let place = formulas.firstIndex(where: { $0.node === base }) {
        try ask(place, situation, parameter, &answers)
      }
    }
    if acts { try ask(number, OPTPLUG_STAGE_AFTER, situation, parameter, &answers) }
  }

  private func ask(
    _ number: Int, _ stage: UInt32, _ situation: Situation, _ parameter: Int, _ answers: inout Answers
  ) throws {
    let (node, function) = (formulas[number].node, formulas[number].ask)
    var moment = optplug_moment(
      struct_size: UInt32(MemoryLayout<optplug_moment>.size), stage: stage, step: situation.step,
      parameter_step: situation.steps[number], hyperparameters: node.valueRows[situation.alike.group],
      parameter_index: UInt32(node.view.number(of: parameter)),
      has_gradient: situation.alike.hasGradient ? 1 : 0)
    var list: UnsafePointer<optplug_operations>?
    let (status, message) = withMessage { function(node.instance, &moment, &list, constants, $0) }
    switch status {
    case OPTPLUG_OK: break
    case OPTPLUG_UNIMPLEMENTED: throw OptimizerError.formula(node.type.name, problem: message)
    default: throw malformed(node, message)
    }
    answers.given.append(Answers.Answer(node: number, stage: stage, list: list))
    answers.key.lists.append(UnsafeRawPointer(list))
    guard let list else { return }
    let count: Int
    do { count = try OperationList.constantCount(list) } catch { throw malformed(node, error.problem) }
    guard constantCounts[UnsafeRawPointer(list), default: count] == count else {
      throw malformed(node, "its list has another number of constants than before; lists are constant")
    }
    constantCounts[UnsafeRawPointer(list)] = count
    for i in 0..<count {
      guard !constants[i].isNaN else {
        throw malformed(node, "constant \(i) is not a number")
      }
      answers.constants.append(constants[i])
    }
  }

  private func join(_ answers: Answers, hasGradient: Bool, _ parameter: Int) throws -> FusedProgram {
    var builder = ProgramBuilder(hasGradient: hasGradient)
    /// Gradients as wrappers see them, while their bases see others.
    var gradients: [Int: Int?] = [:]
    for answer in answers.given {
      let node = formulas[answer.node].node
      let isBefore = answer.stage == OPTPLUG_STAGE_BEFORE
      if isBefore {
        gradients[answer.node] = .some(builder.gradient)
      } else if let kept = gradients[answer.node] {
        builder.gradient = kept
      }
      guard let list = answer.list else { continue }
      let own = node.ownSlots[parameter]
      let slots = node.slots[parameter]
      let surroundings = OperationList.Surroundings(
        slots: slots.map { slot in
          slot.isAsParameter && slot.dtype == optimizer.table.parameters[parameter].dtype
            && (!isBefore || own.contains { $0 === slot })
        }, hasGradient: hasGradient,
        changesGradient: isBefore && hasGradient && node.changesGradient)
      let operations: OperationList
      do {
        operations = try OperationList(list, surroundings)
      } catch let error as OperationList.Malformed {
        throw malformed(node, error.problem)
      } catch let error as OperationList.Unknown {
        throw OptimizerError.formula(
          node.type.name,
          problem: "it has operation \(error.code), which this host does not know; update the host")
      } catch {
        throw malformed(node, "\(error)")
      }
      let named = try slots.map { try name($0, parameter) }
      let set = operations.results.compactMap { result in
        if case .slot(let number) = result.stream { named[number] } else { nil }
      }
      guard Set(set).count == set.count else {
        throw malformed(node, "it sets a slot twice that it has borrowed twice")
      }
      builder.append(
        operations, slots: named,
        constants: Int(list.pointee.constant_count),
        of: node.path + node.type.name)
    }
    return builder.finish()
  }

  /// A list that breaks a rule.
  private func malformed(_ node: Node, _ problem: String) -> OptimizerError {
    .call(node.type.name, function: "operations", problem: problem)
  }

  /// Whose a slot is that a node sees.
  private func name(_ slot: SlotRecord, _ parameter: Int) throws -> FusedProgram.Slot {
    guard let (node, index) = Self.owner(of: slot, parameter, optimizer.tree.nodes) else {
      throw OptimizerError.formula(slot.name, problem: "the slot belongs to none of the tree")
    }
    return FusedProgram.Slot(name: formulas[node].node.path + slot.name, node: node, index: index)
  }

  /// The node whose slot it is, and its place among that node's own.
  private static func owner(of slot: SlotRecord, _ parameter: Int, _ nodes: [Node]) -> (
    node: Int, index: Int
  )? {
    for (number, node) in nodes.enumerated() {
      if let index = node.ownSlots[parameter].firstIndex(where: { $0 === slot }) { return (number, index) }
    }
    return nil
  }

  /// Where a program's streams of a parameter lie; nil for the gradient.
  func memory(_ stream: Stream, of program: FusedProgram, parameter: Int) -> UnsafeMutableRawPointer? {
    switch stream {
    case .parameter: optimizer.table.parameters[parameter].values
    case .gradient: nil
    case .slot(let place): record(program.slots[place], parameter).memory
    }
  }

  /// A parameter's own of a program's slots.
  func record(_ slot: FusedProgram.Slot, _ parameter: Int) -> SlotRecord {
    nodes[slot.node].ownSlots[parameter][slot.index]
  }

  var nodes: [Node] { optimizer.tree.nodes }
}
