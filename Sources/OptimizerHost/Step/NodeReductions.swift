// Numbers that a node collects from every segment, reduced in an order that depends on shapes alone.

import COptPlug

/// One node's partial results of a sweep and what they come to for each tensor, each group and the model.
final class NodeReductions {
  let operations: [Reduction]
  /// Segments × reductions.
  private let partials: UnsafeMutablePointer<Double>
  /// Parameters of the node's view, groups, and one, each × reductions.
  let tensors, groups, model: UnsafeMutablePointer<Double>
  private let counts: (tensors: Int, groups: Int)
  /// Per parameter of the view.
  private let groupOf: [Int]

  init(_ node: Node, _ table: ParameterTable, _ work: WorkList) {
    operations = node.plan.reductions
    let width = operations.count
    counts = (node.view.indices.count, table.groupCount)
    groupOf = node.view.indices.map { table.parameters[$0].group }
    partials = .allocate(capacity: max(1, work.mostCuts * width))
    tensors = .allocate(capacity: max(1, counts.tensors * width))
    groups = .allocate(capacity: max(1, counts.groups * width))
    model = .allocate(capacity: max(1, width))
  }

  deinit { for memory in [partials, tensors, groups, model] { memory.deallocate() } }

  /// Where the calls of a batch leave their numbers; all are zero.
  func rows(_ segments: Range<Int>) -> UnsafeMutablePointer<Double> {
    let rows = partials + segments.lowerBound * operations.count
    rows.initialize(repeating: 0, count: segments.count * operations.count)
    return rows
  }

  /// Reduces what the segments left: those of a tensor by elements, tensors by their places in the view.
  /// - Parameter shown: the segments that the node saw, in ranges.
  func reduce(_ table: SegmentTable, shown: some Sequence<Range<Int>>) {
    let width = operations.count
    guard width > 0 else { return }
    tensors.initialize(repeating: 0, count: counts.tensors * width)
    groups.initialize(repeating: 0, count: counts.groups * width)
    model.initialize(repeating: 0, count: width)
    for range in shown {
      for segment in range { add(partials + segment * width, to: tensors + table.number(segment) * width) }
    }
    for tensor in 0..<counts.tensors {
      add(tensors + tensor * width, to: groups + groupOf[tensor] * width)
      add(tensors + tensor * width, to: model)
    }
  }

  private func add(_ row: UnsafeMutablePointer<Double>, to total: UnsafeMutablePointer<Double>) {
    for (i, operation) in operations.enumerated() { total[i] = operation(total[i], row[i]) }
  }
}
