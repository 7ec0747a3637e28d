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
    try set(tree.cell(name), named: name, to: value, group: group)
  }

  /// - Parameter name: how the caller calls it, for messages.
  func set(_ cell: Tree.Cell, named name: @autoclosure () -> String, to value: Double, group: Int?) throws {
    try checkIsNotStepping()
    if let group { try check(group: group, for: name()) }
    let groups = group.map { $0..<($0 + 1) } ?? 0..<table.groupCount
    // Some trainers set every value before every step.
    if groups.allSatisfy({ cell.node[$0, cell.index].bitPattern == value.bitPattern }) { return }
    let type = cell.type
    if let problem = type.problem(with: value) {
      throw OptimizerError.hyperparameter(name(), problem: "\(problem), not \(value)")
    }
    for group in groups {
      let old = cell.node[group, cell.index]
      if (type.isStructural && value != old) || (type.isZeroStructural && (value == 0) != (old == 0)) {
        throw OptimizerError.hyperparameter(
          name(),
          problem:
            "cannot change from \(type.format(old)) to \(type.format(value)) during training, since "
            + "it decides which state exists; make the optimizer anew")
      }
      try cell.node.check(group: group, index: cell.index, value: value)
    }
    for group in groups { cell.node[group, cell.index] = value }
  }

  private func check(group: Int, for name: @autoclosure () -> String) throws {
    guard (0..<table.groupCount).contains(group) else {
      throw OptimizerError.hyperparameter(
        name(), problem: "there is no group \(group); there are \(table.groupCount)")
    }
  }
}
