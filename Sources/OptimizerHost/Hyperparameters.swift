// Reads and changes hyperparameters of a running optimizer.

import COptPlug

extension Optimizer {
  /// Whether a name or path means exactly one hyperparameter.
  public func hasHyperparameter(_ name: String) -> Bool { (try? tree.cell(name)) != nil }

  /// Full paths of all hyperparameters with what the plugins say of them, wrappers before their bases.
  public var hyperparameters: [(path: String, type: HyperparameterType)] {
    tree.cells.map { ($0.path, $0.type) }
  }

  /// The value in force for a group. A short name (`lr`) will do where only one optimizer of the tree has it.
  /// - Throws: `OptimizerError.hyperparameter`.
  public func value(of name: String, group: Int = 0) throws -> Double {
    let cell = try tree.cell(name)
    try check(group: group, for: name)
    return cell.node[group, cell.index]
  }

  /// Changes a value between two steps; nothing changes when it throws.
  /// - Parameter group: the group's place, or nil for all groups.
  /// - Throws: `OptimizerError.hyperparameter` when there is no such hyperparameter, the value is not allowed, or it
  ///   decides which slots exist.
  public func set(_ name: String, to value: Double, group: Int? = nil) throws {
    try checkIsNotStepping()
    let cell = try tree.cell(name)
    if let group { try check(group: group, for: name) }
    if let problem = cell.type.problem(with: value) {
      throw OptimizerError.hyperparameter(name, problem: "\(problem), not \(value)")
    }
    let groups = group.map { $0..<($0 + 1) } ?? 0..<table.groupCount
    for group in groups {
      let old = cell.node[group, cell.index]
      if (cell.type.isStructural && value != old)
        || (cell.type.isZeroStructural && (value == 0) != (old == 0))
      {
        throw OptimizerError.hyperparameter(
          name,
          problem:
            "cannot change from \(cell.type.format(old)) to \(cell.type.format(value)) during training, since "
            + "it decides which state exists; make the optimizer anew")
      }
      try cell.node.check(group: group, index: cell.index, value: value)
    }
    for group in groups { cell.node[group, cell.index] = value }
  }

  private func check(group: Int, for name: String) throws {
    guard (0..<table.groupCount).contains(group) else {
      throw OptimizerError.hyperparameter(
        name, problem: "there is no group \(group); there are \(table.groupCount)")
    }
  }
}
