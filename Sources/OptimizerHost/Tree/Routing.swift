// Who updates which parameter: wrappers may hand parameters to one of their bases.

import COptPlug

extension Tree {
  /// Tells every node which parameters it sees.
  /// - Throws: `OptimizerError.call` when a plugin names a base that it does not have.
  func route(_ table: ParameterTable) throws {
    try route(root, Array(table.parameters.indices), table)
  }

  private func route(_ node: Node, _ indices: [Int], _ table: ParameterTable) throws {
    var own: [Int] = []
    var handed: [[Int]] = Array(repeating: [], count: node.bases.count)
    // What `route` is asked about is numbered as all that reach the node.
    let view = ParameterView(table, indices: indices)
    for (number, place) in indices.enumerated() {
      switch try choice(node, view.entry(number), table.parameters[place]) {
      case OPTPLUG_ROUTE_ALL:
        own.append(place)
        for base in handed.indices { handed[base].append(place) }
      case OPTPLUG_ROUTE_SELF: own.append(place)
      case let base: handed[Int(base)].append(place)
      }
    }
    node.view = own.count == indices.count ? view : ParameterView(table, indices: own)
    for (base, indices) in zip(node.bases, handed) { try route(base, indices, table) }
  }

  private func choice(_ node: Node, _ entry: UnsafePointer<optplug_parameter>, _ parameter: Parameter) throws
    -> UInt32
  {
    guard !node.bases.isEmpty, let route = node.type.descriptor.pointee.route else {
      return OPTPLUG_ROUTE_ALL
    }
    let choice = keepingFloatingPointMode {
      route(node.type.descriptor, entry, node.valueRows[parameter.group])
    }
    guard choice == OPTPLUG_ROUTE_ALL || choice == OPTPLUG_ROUTE_SELF || choice < node.bases.count else {
      throw OptimizerError.call(
        node.type.name, function: "route",
        problem: "it sends '\(parameter.name)' to base \(choice), but it has \(node.bases.count)")
    }
    return choice
  }

  /// Per parameter, the coarsest of the nodes that see it.
  func granularities(_ table: ParameterTable) -> [Granularity] {
    var granularities: [Granularity] = table.parameters.indices.map { place in
      nodes.reduce(.element) { $1.view.contains(place) ? $0.coarsest(with: $1.type.granularity) : $0 }
    }
    // A node that wants a whole group in one call must not lose some of it to one that wants the whole model.
    var isSettled = false
    while !isSettled {
      isSettled = true
      for node in nodes where node.type.granularity == .group {
        for group in 0..<table.groupCount {
          let members = node.view.indices.filter { table.parameters[$0].group == group }
          guard members.contains(where: { granularities[$0] == .model }) else { continue }
          for place in members where granularities[place] != .model {
            granularities[place] = .model
            isSettled = false
          }
        }
      }
    }
    return granularities
  }
}
