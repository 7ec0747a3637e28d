// One call as it is kept while recording: numbers only, so that keeping it is quick.

import COptPlug

/// A call of a traced function. Events of a thread lie in the order in which the calls began.
struct TraceEvent {
  /// Of a call that has not returned yet.
  static let unfinished = UInt64.max
  /// Arguments that are kept, beside those of a frame.
  static let mostValues = 6

  /// The function's place in the recorder's list.
  let function: UInt32
  /// The message of a call that failed, as a place among the thread's texts.
  var message: UInt32 = ThreadTexts.none
  /// Nanoseconds of the monotonic clock.
  var start: UInt64 = 0
  var duration = Self.unfinished
  /// The result's bits, widened to 64 by its type's rules.
  var result: UInt64 = 0
  /// Of functions that take a frame or a pass.
  var frame = FrameFacts()
  /// Numbers, bits of doubles, or places of texts, by the function's captures.
  var values: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)
}

/// What a call's frame says of its work.
struct FrameFacts {
  var step: UInt64 = 0
  /// Elements of all segments.
  var elements: UInt64 = 0
  var segments: UInt32 = 0
  /// The parameter in which the first segment begins.
  var parameter: UInt32 = 0
  var pass: UInt32 = 0
  var phase: UInt32 = 0
  /// The groups of the segments; `lowestGroup` is the greater one when there are no segments.
  var lowestGroup: UInt32 = .max
  var highestGroup: UInt32 = 0

  init() {}

  init(_ pass: UnsafePointer<optplug_pass>) {
    step = pass.pointee.step
    self.pass = pass.pointee.pass
  }

  init(_ frame: UnsafePointer<optplug_frame>) {
    step = frame.pointee.step
    pass = frame.pointee.pass
    phase = frame.pointee.phase
    let span = frame.pointee.segments
    segments = span.count
    guard let data = span.data else { return }
    for i in 0..<Int(span.count) {
      let segment = (data + i * Int(span.stride)).assumingMemoryBound(to: optplug_segment.self)
      if i == 0 { parameter = segment.pointee.parameter_index }
      elements &+= UInt64(bitPattern: segment.pointee.count)
      let group = segment.pointee.group_index
      lowestGroup = min(lowestGroup, group)
      highestGroup = max(highestGroup, group)
    }
  }
}

/// Sums over all calls of a function on one thread. Kept apart from events, so that they are whole when events had
/// to be dropped.
struct FunctionTotal {
  var calls: UInt64 = 0
  /// Nanoseconds from call to return.
  var total: UInt64 = 0
  /// Those spent in no other traced call.
  var own: UInt64 = 0
  var elements: UInt64 = 0
  var failures: UInt64 = 0
}
