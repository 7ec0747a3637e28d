// What a trace has seen, as a table.

import OptimizerHost

/// The calls by function, and what a reader has to know of them.
/// - Parameter file: where the events were written.
public func traceTable(_ report: TraceReport, _ overhead: TraceOverhead, file: String?) -> String {
  var cells = [["optimizer", "function", "calls", "total", "self", "self/element"]]
  var last: String?
  for row in report.rows where row.calls > 0 {
    let depth = row.path.isEmpty ? 0 : row.path.split(separator: ".").count
    cells.append([
      row.path == last ? "" : String(repeating: "  ", count: depth) + row.optimizer,
      row.function + (row.failures > 0 ? " (\(row.failures) not OK)" : ""), Format.count(Int(row.calls)),
      Format.nanoseconds(Double(row.total)), Format.nanoseconds(Double(row.own)),
      row.ownPerElement.map(Format.nanoseconds) ?? "",
    ])
    last = row.path
  }
  let widths = (0..<6).map { column in cells.map { $0[column].count }.max() ?? 0 }
  var lines = cells.map { row in
    let texts = row.enumerated().map { column, text in
      column < 2
        ? text + String(repeating: " ", count: widths[column] - text.count)
        : Format.right(text, widths[column])
    }
    return String(("  " + texts.joined(separator: "  ")).reversed().drop { $0 == " " }.reversed())
  }
  lines.append("")
  lines += remarks(report, overhead, file: file).map { "  " + $0 }
  return lines.joined(separator: "\n")
}

private func remarks(_ report: TraceReport, _ overhead: TraceOverhead, file: String?) -> [String] {
  let calls = report.rows.reduce(0) { $0 + Double($1.calls) }
  var lines = [
    "Tracing costs \(Format.nanoseconds(overhead.perCall)) per call, \(Format.nanoseconds(overhead.perCall * calls)) "
      + "in all; \(Format.nanoseconds(overhead.perCallInside)) of each show in the call, the rest in its caller's self."
  ]
  if report.threads > 1 { lines.append("Times are sums over \(report.threads) threads.") }
  if file != nil, report.dropped > 0 {
    lines.append(
      "\(Format.count(Int(report.dropped))) of \(Format.count(Int(report.events + report.dropped))) calls are beyond "
        + "the limit: they are in this table, but not in the file.")
  }
  if let file {
    lines.append(
      "\(Format.count(Int(report.events))) calls are in \(file): open it in https://ui.perfetto.dev")
  }
  return lines + report.notes.map { "note: \($0)" }
}
