// From an expression to a tree of nodes, and from names of hyperparameters to their places in it.

import COptPlug

/// A composed optimizer: the nodes, wrappers before their bases.
final class Tree {
  let root: Node
  let nodes: [Node]

  /// Finds every optimizer of the expression and sets its values; nothing of a plugin is called but its entry.
  /// All nodes see all parameters until `route`.
  init(
    _ expression: OptimizerExpression, _ registry: PluginRegistry, _ table: ParameterTable,
    trace: Trace? = nil
  ) throws {
    let view = ParameterView(table, indices: Array(table.parameters.indices))
    root = try Self.makeNode(expression, registry, path: "", groupCount: table.groupCount, view, trace)
    nodes = root.subtree
  }

  /// Every node must take the types of the parameters that it sees.
  /// - Throws: `OptimizerError.parameters`.
  func checkTypes(_ table: ParameterTable) throws {
    for node in nodes {
      let misfit = node.view.indices.map { table.parameters[$0] }
        .first { !($0.dtype.capability.map(node.type.has) ?? false) }
      if let misfit {
        throw OptimizerError.parameters(
          "'\(node.type.name)' does not take \(misfit.dtype), the type of '\(misfit.name)'")
      }
    }
  }

  /// The expression with every value of a group.
  func canonicalExpression(group: Int = 0) -> String { Self.text(root, group) }

  private static func text(_ node: Node, _ group: Int) -> String {
    let settings = node.type.hyperparameters.enumerated().map { i, hyperparameter in
      "\(hyperparameter.name)=\(hyperparameter.format(node[group, i]))"
    }
    let arguments = settings + node.bases.map { text($0, group) }
    return node.target + (arguments.isEmpty ? "" : "(\(arguments.joined(separator: ", ")))")
  }

  private static func makeNode(
    _ expression: OptimizerExpression, _ registry: PluginRegistry, path: String, groupCount: Int,
    _ view: ParameterView, _ trace: Trace?
  ) throws -> Node {
    let type = try registry.find(expression)
    let roles = type.baseRoles
    guard expression.bases.count == roles.count else {
      let surplus = expression.bases.count > roles.count ? expression.bases[roles.count] : nil
      throw OptimizerError.expression(
        expression.text, position: surplus?.position ?? expression.position,
        problem: roles.isEmpty
          ? "'\(type.name)' wraps no other optimizer; set a hyperparameter with name=value"
          : "'\(type.name)' wraps \(roles.count) (\(roles.joined(separator: ", "))), not \(expression.bases.count); "
            + "write \(type.name)(\(roles.map { _ in "adam" }.joined(separator: ", ")))")
    }
    let bases = try zip(expression.bases, roles).map { base, role in
      try makeNode(base, registry, path: "\(path)\(role).", groupCount: groupCount, view, trace)
    }
    let node = try Node(
      type, target: expression.targetText, path: path, bases: bases, groupCount: groupCount, view: view,
      trace: trace)
    for setting in expression.settings {
      guard let index = type.hyperparameters.firstIndex(where: { $0.name == setting.name }) else {
        let names = type.hyperparameters.map(\.name)
        throw OptimizerError.expression(
          expression.text, position: setting.position,
          problem: "'\(type.name)' has no hyperparameter '\(setting.name)'; it has "
            + "\(names.joined(separator: ", ")).\(suggestion(for: setting.name, among: names))")
      }
      let value = try type.hyperparameters[index].parse(setting.value)
      for group in 0..<groupCount { node[group, index] = value }
    }
    return node
  }

  /// A hyperparameter's place in the tree.
  struct Cell {
    let node: Node
    let index: Int

    var type: HyperparameterType { node.type.hyperparameters[index] }
    var path: String { node.path + type.name }
  }

  /// Every hyperparameter, wrappers before their bases.
  var cells: [Cell] {
    nodes.flatMap { node in node.type.hyperparameters.indices.map { Cell(node: node, index: $0) } }
  }

  /// The place that a full path or an unambiguous last part of one names.
  /// - Throws: `OptimizerError.hyperparameter`.
  func cell(_ name: String) throws -> Cell {
    let cells = cells
    if let exact = cells.first(where: { $0.path == name }) { return exact }
    let matches = cells.filter { $0.path.hasSuffix("." + name) }
    if matches.count == 1 { return matches[0] }
    let paths = matches.isEmpty ? cells.map(\.path) : matches.map(\.path)
    throw OptimizerError.hyperparameter(
      name,
      problem: matches.isEmpty
        ? "'\(root.type.name)' has none of that name; it has \(paths.joined(separator: ", ")).\(suggestion(for: name, among: paths + cells.map(\.type.name)))"
        : "several have it: write \(paths.joined(separator: " or "))")
  }
}
