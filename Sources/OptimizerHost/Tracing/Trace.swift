// Follows every call through the tables of a composed optimizer.

import COptPlug
import BasicFoundation

/// A record of the calls between the host and the plugins of one optimizer, and among the plugins.
///
/// ```swift
/// let trace = try Trace()
/// let optimizer = try Optimizer("lookahead(adam)", parameters: parameters, trace: trace)
/// try optimizer.step(gradients: gradients)
/// for row in trace.report.rows { print(row.optimizer, row.function, row.calls, row.total) }
/// ```
/// Calls take longer, but what they compute stays the same bit for bit. Read a trace between two steps, or after the
/// optimizer is gone; then the record holds the calls of `destroy` too.
///
/// Not seen: a plugin's entry, which has run before; services of the host that a plugin fetched there; and functions
/// of extensions that neither optplug.h nor the optimizer describes, which `TraceReport.notes` lists.
public final class Trace {
  /// Events kept unless said otherwise; each takes 120 bytes.
  public static let standardLimit = 1_000_000

  let recorder: Recorder
  private let allocate: ClosureAllocator
  private var isTaken = false

  /// - Parameter limit: the most events that are kept; later ones are counted and dropped, while the sums of
  ///   ``report`` stay whole.
  /// - Throws: `OptimizerError.tracing`.
  public convenience init(limit: Int = standardLimit) throws {
    try self.init(limit: limit, allocate: Closure.allocate)
  }

  init(limit: Int, allocate: @escaping ClosureAllocator) throws {
    guard limit >= 0 else { throw OptimizerError.tracing("the limit of \(limit) events is negative") }
    recorder = try Recorder(limit: limit)
    self.allocate = allocate
  }

  /// Makes the trace that of one optimizer.
  func take() throws {
    guard !isTaken else {
      throw OptimizerError.tracing("it follows another optimizer already; make a trace for each")
    }
    isTaken = true
  }

  /// Puts itself between a node and its callers.
  func interpose(_ type: OptimizerType, path: String) throws -> Interposer {
    try Interposer(type, path: path, recorder: recorder, allocate: allocate)
  }
}
