// Which parameters lie side by side in every stream, so that a step may take them as one.

import COptPlug

/// Finds parameters that continue their predecessor.
struct Neighbours {
  /// Per parameter, the one before it, when its memory and all its state follow that one's directly.
  private var predecessor: [Int?]
  private let bytes: [Int]
  private let nodes: [Node]
  /// Per parameter, whether its gradient was ever elsewhere. Gradients that move from step to step are not
  /// looked for again, or they might be cut anew on every step.
  private var isApart: [Bool]
  /// Per parameter, whether it was taken as one with its predecessor the last time.
  private(set) var isJoined: [Bool]

  init(_ nodes: [Node], _ table: ParameterTable, order: [Int], granularities: [Granularity]) {
    self.nodes = nodes
    bytes = table.parameters.map { $0.count * $0.dtype.size }
    isApart = Array(repeating: false, count: table.parameters.count)
    isJoined = isApart
    var predecessor: [Int?] = Array(repeating: nil, count: table.parameters.count)
    // Numbers collected for each parameter forbid it, and where 16-bit parameters have masters their gradients do not
    // lie as the masters do.
    let mayJoin = nodes.allSatisfy {
      $0.type.has(OPTPLUG_CAPABILITY_JOINED_PARAMETERS) && $0.plan.reductions.isEmpty
    }
    if mayJoin, table.masters == nil {
      for (first, second) in zip(order, order.dropFirst())
      where granularities[first] == .element && granularities[second] == .element
        && Self.areNeighbours(first, second, nodes, table.parameters)
      {
        predecessor[second] = first
      }
    }
    self.predecessor = predecessor
  }

  private static func areNeighbours(_ first: Int, _ second: Int, _ nodes: [Node], _ parameters: [Parameter])
    -> Bool
  {
    let (a, b) = (parameters[first], parameters[second])
    guard a.dtype == b.dtype, a.group == b.group, a.values + a.count * a.dtype.size == b.values else {
      return false
    }
    return nodes.allSatisfy { node in
      guard node.view.contains(first) == node.view.contains(second) else { return false }
      let (slots, next) = (node.slots[first], node.slots[second])
      return slots.count == next.count
        && zip(slots, next).allSatisfy { slot, next in
          slot.name == next.name && slot.role == next.role && slot.isAsParameter && next.isAsParameter
            && slot.dtype == next.dtype && slot.starts(as: next)
            && slot.memory.map { $0 + slot.byteCount } == next.memory
        }
    }
  }

  /// Decides anew who is joined, for gradients at these places. Allocates nothing.
  mutating func join(_ gradients: UnsafeMutableBufferPointer<UnsafeRawPointer?>) {
    for (i, predecessor) in predecessor.enumerated() {
      guard let predecessor else { continue }
      isJoined[i] =
        (gradients[i] != nil) == (gradients[predecessor] != nil) && !isApart[i]
        && nodes.allSatisfy { $0.parameterSteps[i] == $0.parameterSteps[predecessor] }
    }
  }

  /// Takes note that a parameter lies elsewhere now: it has no neighbours any more.
  mutating func remove(_ parameter: Int) {
    predecessor[parameter] = nil
    isJoined[parameter] = false
    for i in predecessor.indices where predecessor[i] == parameter {
      predecessor[i] = nil
      isJoined[i] = false
    }
  }

  /// Separates those whose gradients are not neighbours, for good.
  /// - Returns: whether any were joined.
  mutating func separate(_ gradients: UnsafeMutableBufferPointer<UnsafeRawPointer?>) -> Bool {
    var found = false
    for (i, predecessor) in predecessor.enumerated() {
      guard isJoined[i], let predecessor, let gradient = gradients[i], let before = gradients[predecessor],
        before + bytes[predecessor] != gradient
      else { continue }
      isApart[i] = true
      found = true
    }
    return found
  }
}
