// The table of optplug trace as JSON.

import Foundation
import OptimizerHost

struct TraceSummary: Encodable {
  private struct Function: Encodable {
    let optimizer, path, function: String
    let calls, failures, elements, total_ns, self_ns: UInt64
    let self_ns_per_element: Double?
  }

  private let optimizer: String
  private let steps, params, threads: Int
  private let overhead_ns_per_call, overhead_ns_inside: Double
  private let calls, calls_in_file, calls_not_in_file: UInt64
  private let notes: [String]
  private let functions: [Function]

  init(_ report: TraceReport, _ overhead: TraceOverhead, optimizer: String, _ command: TraceCommand) {
    self.optimizer = optimizer
    (steps, params, threads) = (command.steps, command.params, command.threads)
    overhead_ns_per_call = overhead.perCall
    overhead_ns_inside = overhead.perCallInside
    calls = report.rows.reduce(0) { $0 + $1.calls }
    calls_in_file = report.events
    calls_not_in_file = report.dropped
    notes = report.notes
    functions = report.rows.filter { $0.calls > 0 }.map {
      Function(
        optimizer: $0.optimizer, path: $0.path, function: $0.function, calls: $0.calls, failures: $0.failures,
        elements: $0.elements, total_ns: $0.total, self_ns: $0.own, self_ns_per_element: $0.ownPerElement)
    }
  }

  /// One object on one line.
  func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}
