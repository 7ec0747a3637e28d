// What a host library tells of a composed optimizer.

import COptPlug

extension Optimizer {
  /// One optimizer of the tree.
  package struct NodeFacts {
    package let name: String
    /// "" for the root, "base." for its base.
    package let path: String
    package let file: String
    /// The wrapper's place among the nodes; 0 for the root.
    package let parent: Int
    /// The ABI's number, and the elements of a block.
    package let granularity: (kind: UInt32, block: UInt32)
    package let capabilities: UInt64
  }

  /// One hyperparameter of the tree, for all groups.
  package struct HyperparameterCell {
    fileprivate let cell: Tree.Cell
    package let path: String
    /// The last part of the path where that means this one, else the path.
    package let key: String
    /// Whose it is, among the nodes.
    package let node: Int
    /// As the plugin describes it.
    package let description: UnsafePointer<optplug_hyperparameter>
  }

  /// Wrappers before their bases.
  package func nodeFacts() -> [NodeFacts] {
    tree.nodes.map { node in
      NodeFacts(
        name: node.type.name, path: node.path, file: node.type.path,
        parent: tree.nodes.firstIndex { $0.bases.contains { $0 === node } } ?? 0,
        granularity: node.type.granularity.abi, capabilities: node.type.capabilities)
    }
  }

  /// The coarsest of the tree.
  package var granularity: (kind: UInt32, block: UInt32) {
    tree.nodes.reduce(Granularity.element) { $0.coarsest(with: $1.type.granularity) }.abi
  }

  /// All hyperparameters, wrappers before their bases.
  package func hyperparameterCells() -> [HyperparameterCell] {
    tree.cells.map { cell in
      let span = cell.node.type.descriptor.pointee.hyperparameters
      let description = (span.data + cell.index * Int(span.stride)).assumingMemoryBound(
        to: optplug_hyperparameter.self)
      let path = cell.path
      return HyperparameterCell(
        cell: cell, path: path, key: (try? tree.cell(cell.type.name))?.path == path ? cell.type.name : path,
        node: tree.nodes.firstIndex { $0 === cell.node } ?? 0, description: description)
    }
  }

  /// - Precondition: the group exists.
  package func value(of hyperparameter: HyperparameterCell, group: Int) -> Double {
    hyperparameter.cell.node[group, hyperparameter.cell.index]
  }

  /// As `set(_:to:group:)` by name, without looking the name up.
  /// - Throws: `OptimizerError.hyperparameter`.
  package func set(_ hyperparameter: HyperparameterCell, to value: Double, group: Int?) throws {
    try set(hyperparameter.cell, named: hyperparameter.path, to: value, group: group)
  }

  /// The place of the hyperparameter that a path, or an unambiguous last part of one, names.
  /// - Throws: `OptimizerError.hyperparameter`.
  package func place(of hyperparameter: String) throws -> Int {
    let path = try tree.cell(hyperparameter).path
    return tree.cells.firstIndex { $0.path == path } ?? 0
  }

  /// Steps are taken, and state is saved, moved and changed, one after another and on the training weights only.
  /// - Throws: `OptimizerError.parameters`.
  package func checkIsIdle() throws {
    try checkIsNotStepping()
    guard !isShowingEvaluationWeights else {
      throw OptimizerError.parameters("the evaluation weights are in them; leave the evaluation first")
    }
  }

  package var groupCount: Int { table.groupCount }
}

extension Granularity {
  fileprivate var abi: (kind: UInt32, block: UInt32) {
    switch self {
    case .element: (OPTPLUG_GRANULARITY_ELEMENT, 1)
    case .block(let length): (OPTPLUG_GRANULARITY_BLOCK, UInt32(length))
    case .tensor: (OPTPLUG_GRANULARITY_TENSOR, 0)
    case .group: (OPTPLUG_GRANULARITY_GROUP, 0)
    case .model: (OPTPLUG_GRANULARITY_MODEL, 0)
    }
  }
}
