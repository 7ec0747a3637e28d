// The calls of a trace summed by function.

/// What a trace has seen: sums over all threads, by function.
public struct TraceReport: Sendable {
  /// All calls of one function.
  public struct Row: Sendable {
    /// The optimizer whose function it is, or to which the host handed it.
    public let optimizer: String
    /// The optimizer's place in the tree: "" for the root, "base" and "base.base" below it.
    public let path: String
    /// "step", "host.add_slot", "eval-view/1.enter".
    public let function: String
    public let calls: UInt64
    /// Nanoseconds between call and return.
    public let total: UInt64
    /// Those that were not spent in traced calls made inside.
    public let own: UInt64
    /// Elements of the segments of all frames; 0 for functions without frames.
    public let elements: UInt64
    /// Calls that answered with a status other than OK.
    public let failures: UInt64

    /// Own nanoseconds per element, for functions with frames.
    public var ownPerElement: Double? { elements == 0 ? nil : Double(own) / Double(elements) }
  }

  /// By optimizer, wrappers before their bases, in the order in which their functions became known.
  public let rows: [Row]
  public let threads: Int
  /// Events that were kept.
  public let events: UInt64
  /// Events beyond the limit; the rows count them all the same.
  public let dropped: UInt64
  /// What could not be traced, and why.
  public let notes: [String]
}

extension Trace {
  /// Sums of all calls so far.
  public var report: TraceReport {
    var sums = Array(repeating: FunctionTotal(), count: recorder.functions.count)
    var (events, dropped): (UInt64, UInt64) = (0, 0)
    for chunk in recorder.chunkList { events += UInt64(chunk.events.count) }
    for thread in recorder.threads {
      dropped += thread.pointee.dropped
      for i in sums.indices { sums[i].add(thread.pointee.totals[i]) }
    }
    let rows = zip(recorder.functions, sums).map { function, sum in
      let node = recorder.nodes[function.node]
      return TraceReport.Row(
        optimizer: node.name, path: String(node.path.dropLast()), function: function.label, calls: sum.calls,
        total: sum.total, own: sum.own, elements: sum.elements, failures: sum.failures)
    }
    // A path is the beginning of the paths below it, so this order puts wrappers first; it keeps the order of equals.
    let order = rows.indices.sorted { (rows[$0].path, $0) < (rows[$1].path, $1) }
    return TraceReport(
      rows: order.map { rows[$0] }, threads: recorder.threads.count, events: events, dropped: dropped,
      notes: recorder.notes)
  }
}

extension FunctionTotal {
  fileprivate mutating func add(_ other: FunctionTotal) {
    calls += other.calls
    total += other.total
    own += other.own
    elements += other.elements
    failures += other.failures
  }
}
