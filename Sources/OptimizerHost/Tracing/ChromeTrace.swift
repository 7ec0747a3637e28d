// A trace as a file for Perfetto and Chrome.

import COptPlug

/// A trace in the JSON of Chrome's trace viewer, which <https://ui.perfetto.dev> opens too: one complete event for each
/// call, with times in microseconds since the trace began.
///
/// Format: "Trace Event Format",
/// <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>.
public struct ChromeTrace: Sequence {
  /// Notes for the file's reader.
  private let about: [(name: String, text: String)]
  private let trace: Trace

  fileprivate init(_ trace: Trace, about: [(name: String, text: String)]) {
    self.trace = trace
    self.about = about
  }

  /// The file's bytes in pieces, made as they are asked for.
  public func makeIterator() -> AnyIterator<[UInt8]> {
    let text = ChromeText(trace)
    let chunks = trace.recorder.chunkList
    var place = -1
    return AnyIterator {
      defer { place += 1 }
      if place < 0 { return text.beginning(about) }
      if place < chunks.count { return text.events(chunks[place]) }
      return place == chunks.count ? Array("\n]}\n".utf8) : nil
    }
  }
}

extension Trace {
  /// The events as a file.
  /// - Parameters:
  ///   - about: what stands in the file beside the events, by name.
  ///   - overhead: likewise, when it was measured.
  public func chrome(about: [(name: String, text: String)] = [], overhead: TraceOverhead? = nil)
    -> ChromeTrace
  {
    let cost = overhead.map { [("overhead_per_call_ns", "\(Int($0.perCall.rounded()))")] } ?? []
    return ChromeTrace(self, about: about + cost)
  }
}
