// The file that a trace writes, read as a viewer reads it.

import Foundation
import OptimizerHost
import Testing

/// A call in a trace file.
struct TracedCall {
  let name: String
  let category: String
  let thread: Int
  /// Nanoseconds since the trace began.
  let start, duration: Int
  let arguments: [String: Any]

  var end: Int { start + duration }
  func number(_ argument: String) -> Int? { (arguments[argument] as? NSNumber)?.intValue }
  func text(_ argument: String) -> String? { arguments[argument] as? String }
}

struct TraceFile {
  let calls: [TracedCall]
  let threadNames: [Int: String]
  let about: [String: String]

  init(_ trace: Trace, about: [(name: String, text: String)] = []) throws {
    let bytes = trace.chrome(about: about).reduce(into: [UInt8]()) { $0 += $1 }
    let file = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    #expect(file["displayTimeUnit"] as? String == "ns")
    self.about = try #require(file["otherData"] as? [String: String])
    let events = try #require(file["traceEvents"] as? [[String: Any]])
    calls = try events.filter { $0["ph"] as? String == "X" }.map { event in
      #expect(event["pid"] as? Int == 1)
      // 0 means something else to Perfetto.
      #expect(event["tid"] as? Int ?? 0 > 0)
      return TracedCall(
        name: try #require(event["name"] as? String), category: try #require(event["cat"] as? String),
        thread: try #require(event["tid"] as? Int),
        start: Int((try #require(event["ts"] as? Double) * 1000).rounded()),
        duration: Int((try #require(event["dur"] as? Double) * 1000).rounded()),
        arguments: try #require(event["args"] as? [String: Any]))
    }
    var names: [Int: String] = [:]
    for event in events where event["name"] as? String == "thread_name" {
      names[try #require(event["tid"] as? Int)] = (event["args"] as? [String: String])?["name"]
    }
    threadNames = names
  }

  /// Calls with a name, in the file's order.
  func calls(_ name: String) -> [TracedCall] { calls.filter { $0.name == name } }

  /// For every call the one around it on its thread, or nil. Fails the test where two overlap and neither lies inside
  /// the other, which no viewer can draw.
  func parents() -> [TracedCall?] {
    var open: [Int: [TracedCall]] = [:]
    return calls.map { call in
      var stack = open[call.thread] ?? []
      while let last = stack.last, last.end <= call.start, last.end < call.end { stack.removeLast() }
      if let last = stack.last {
        #expect(last.start <= call.start && call.end <= last.end, "\(call.name) overlaps \(last.name)")
      }
      let parent = stack.last
      open[call.thread] = stack + [call]
      return parent
    }
  }
}
