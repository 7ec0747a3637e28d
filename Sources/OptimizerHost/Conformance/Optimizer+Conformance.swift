// What a validator sees and does of a running optimizer beyond what trainers may.

import COptPlug

extension Optimizer {
  /// One slot as a segment of a node shows it.
  package struct SlotView {
    package let name: String
    package let role: UInt32
    package let dtype: DType
    package let shape: [Int]
    /// How many elements of the parameter share one of the slot; 0: the slot is the parameter's as a whole.
    package let elementsPerElement: Int
    /// The first byte.
    package let memory: UnsafeMutableRawPointer?

    /// Element i belongs to element i of the parameter.
    package var isAsParameter: Bool { elementsPerElement == 1 }

    /// Bytes that a segment of so many elements of the parameter sees.
    package func bytes(elements: Int) -> Int {
      let count =
        elementsPerElement == 0
        ? shape.reduce(1, *) : (elements + elementsPerElement - 1) / elementsPerElement
      return count * dtype.size
    }

    init(_ slot: SlotRecord) {
      name = slot.name
      role = slot.role
      dtype = slot.dtype
      shape = slot.shape
      memory = slot.memory
      elementsPerElement =
        switch slot.extent {
        case .elements: 1
        case .blocks(let length): length
        case .whole: 0
        }
    }
  }

  /// Nodes of the tree, wrappers before their bases; the root is 0.
  package var conformanceNodeCount: Int { tree.nodes.count }

  /// Per base of a node, the place of the base.
  package func conformanceBases(of node: Int) -> [Int] {
    tree.nodes[node].bases.compactMap { base in tree.nodes.firstIndex { $0 === base } }
  }

  /// The place in the list of parameters of the one that a node knows by a number.
  package func conformanceParameter(node: Int, number: Int) -> Int { tree.nodes[node].view.indices[number] }

  /// Whether what happens to an element may depend on others through sums, or on what a node decides.
  package var conformanceSumsUp: Bool {
    tree.nodes.contains { $0.plan.phases > 1 || $0.type.descriptor.pointee.decide != nil }
  }

  /// Bytes of scratch that a call without segments gets.
  package func conformanceFixedScratch(of node: Int) -> Int { tree.nodes[node].plan.scratch }

  /// How many numbers a node collects of each segment in a phase.
  package func conformanceReductions(of node: Int) -> Int { tree.nodes[node].plan.reductions.count }

  /// The slots of a node for a parameter in the order of `segment.slots`, borrowed ones included.
  package func conformanceSlots(node: Int, parameter: Int) -> [SlotView] {
    tree.nodes[node].slots[parameter].map(SlotView.init)
  }

  /// Everything that a node asks for in its plan, in words: slots of all parameters and of the model, phases, scratch.
  package func conformancePlan(of node: Int = 0) -> [String] {
    let node = tree.nodes[node]
    func text(_ owner: String, _ slot: SlotRecord) -> String {
      "slot '\(slot.name)' of \(owner): \(slot.dtype) \(slot.shape), role \(slot.role)"
    }
    let slots = zip(table.parameters, node.slots).flatMap { parameter, slots in
      slots.map { text("'\(parameter.name)'", $0) }
    }
    let plan = node.plan
    return slots + plan.modelSlots.map { text("the model", $0) } + [
      "\(plan.phases) phases with \(plan.reductions.count) reductions",
      "\(plan.scratch) bytes of scratch and \(plan.scratchPerElement) per element",
    ]
  }

  /// Ends every instance and makes it anew; slots keep their memory and their values.
  /// - Throws: `OptimizerError`, also when a plan differs from the one before.
  package func renewInstances() throws {
    engine.startState()
    for node in tree.nodes { node.endInstance() }
    for node in tree.nodes.reversed() {
      try node.createInstance()
      try replan(node)
    }
    engine.countersHaveChanged()
  }

  /// Plans the same instances again.
  /// - Throws: as `renewInstances`.
  package func planAgain() throws {
    engine.startState()
    for node in tree.nodes.reversed() { try replan(node) }
    engine.countersHaveChanged()
  }

  private func replan(_ node: Node) throws {
    let (old, plan) = (node.ownSlots, node.plan)
    let steps = Array(node.parameterSteps)
    try node.plan(table)
    for (i, parameter) in table.parameters.enumerated() {
      node.parameterSteps[i] = steps[i]
      try keep(old[i], node.ownSlots[i], node, "'\(parameter.name)'")
    }
    try keep(plan.modelSlots, node.plan.modelSlots, node, "the model")
    guard
      plan.phases == node.plan.phases, plan.reductions == node.plan.reductions,
      plan.scratch == node.plan.scratch, plan.scratchPerElement == node.plan.scratchPerElement
    else { throw differs(node, "it asks for other phases or another scratch when planned again") }
  }

  /// Gives the slots of a new plan the memory of the same slots of the old one.
  private func keep(_ old: [SlotRecord], _ new: [SlotRecord], _ node: Node, _ owner: String) throws {
    guard old.count == new.count else {
      throw differs(node, "it asked for \(old.count) slots of \(owner) first and for \(new.count) then")
    }
    for (before, now) in zip(old, new) {
      guard before.isSame(as: now), let memory = before.memory else {
        throw differs(node, "slot '\(before.name)' of \(owner) is another one when planned again")
      }
      now.place(at: memory)
    }
  }

  private func differs(_ node: Node, _ problem: String) -> OptimizerError {
    .call(node.type.name, function: "plan", problem: problem)
  }

  /// Hands out the batches of a step in another order: `order` maps a place and the number of batches to a batch.
  package func setBatchOrder(_ order: ((_ place: Int, _ count: Int) -> Int)?) { engine.work.order = order }
}

extension SlotRecord {
  fileprivate func isSame(as other: SlotRecord) -> Bool {
    name == other.name && role == other.role && dtype == other.dtype && shape == other.shape
      && extent == other.extent && starts(as: other)
  }
}
