// What a validator sees and does of a running optimizer beyond what trainers may.

import COptPlug

extension Optimizer {
  /// One slot as a segment of a node shows it.
  package struct SlotView {
    package let name: String
    package let role: UInt32
    package let dtype: DType
    package let shape: [Int]
    /// Element i belongs to element i of the parameter.
    package let isAsParameter: Bool
    /// The first byte.
    package let memory: UnsafeMutableRawPointer?
  }

  /// Nodes of the tree, wrappers before their bases; the root is 0.
  package var conformanceNodeCount: Int { tree.nodes.count }

  /// Per base of a node, the place of the base.
  package func conformanceBases(of node: Int) -> [Int] {
    tree.nodes[node].bases.compactMap { base in tree.nodes.firstIndex { $0 === base } }
  }

  /// The slots of a node for a parameter in the order of `segment.slots`, borrowed ones included.
  package func conformanceSlots(node: Int, parameter: Int) -> [SlotView] {
    tree.nodes[node].slots[parameter].map {
      SlotView(
        name: $0.name, role: $0.role, dtype: $0.dtype, shape: $0.shape, isAsParameter: $0.isAsParameter,
        memory: $0.memory)
    }
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
    let old = node.ownSlots
    let steps = Array(node.parameterSteps)
    try node.plan(table)
    for (i, parameter) in table.parameters.enumerated() {
      node.parameterSteps[i] = steps[i]
      guard old[i].count == node.ownSlots[i].count else {
        throw OptimizerError.call(
          node.type.name, function: "plan",
          problem: "it asked for \(old[i].count) slots of '\(parameter.name)' first and for "
            + "\(node.ownSlots[i].count) then")
      }
      for (before, now) in zip(old[i], node.ownSlots[i]) {
        guard before.isSame(as: now), let memory = before.memory else {
          throw OptimizerError.call(
            node.type.name, function: "plan",
            problem: "slot '\(before.name)' of '\(parameter.name)' is another one when planned again")
        }
        now.place(at: memory)
      }
    }
  }

  /// Hands out the batches of a step in another order: `order` maps a place and the number of batches to a batch.
  package func setBatchOrder(_ order: ((_ place: Int, _ count: Int) -> Int)?) { engine.work.order = order }
}

extension SlotRecord {
  fileprivate func isSame(as other: SlotRecord) -> Bool {
    name == other.name && role == other.role && dtype == other.dtype && shape == other.shape
      && isAsParameter == other.isAsParameter && starts(as: other)
  }
}
