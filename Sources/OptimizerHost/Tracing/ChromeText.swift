// Events of a trace as JSON text.

import COptPlug

/// Writes what `ChromeTrace` is made of.
struct ChromeText {
  private let trace: Trace
  private let recorder: Recorder
  /// Per function, an event's text up to its thread, and the beginning of its arguments.
  private let heads: [(event: [UInt8], arguments: [UInt8])]

  init(_ trace: Trace) {
    self.trace = trace
    recorder = trace.recorder
    heads = trace.recorder.functions.map { function in
      let node = trace.recorder.nodes[function.node]
      let isHost = function.table.hasPrefix("host.")
      let name = isHost ? function.label : "\(node.name).\(function.label)"
      let category = isHost ? "host" : function.table.isEmpty ? "optimizer" : "extension"
      let place = node.path.isEmpty ? "" : " at \(node.path.dropLast())"
      return (
        Array(
          ",\n{\"name\":\(jsonString(name)),\"cat\":\"\(category)\",\"ph\":\"X\",\"pid\":1,\"tid\":".utf8),
        Array(",\"args\":{\"optimizer\":\(jsonString(node.name + place))".utf8)
      )
    }
  }

  /// The file's begin: what it is about, and the threads' names.
  func beginning(_ about: [(name: String, text: String)]) -> [UInt8] {
    let report = trace.report
    let facts =
      about + [
        ("events", "\(report.events)"), ("dropped_events", "\(report.dropped)"),
        ("notes", report.notes.joined(separator: "\n")),
      ]
    var text = "{\"displayTimeUnit\":\"ns\",\"otherData\":{"
    text += facts.map { "\(jsonString($0.name)):\(jsonString($0.text))" }.joined(separator: ",")
    text += "},\"traceEvents\":[\n"
    text += "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,\"args\":{\"name\":\"optimizer\"}}"
    for (number, name) in recorder.threadNames.enumerated() {
      text += ",\n{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":\(id(ofThread: number)),"
      text += "\"args\":{\"name\":\(jsonString(name))}}"
      text += ",\n{\"name\":\"thread_sort_index\",\"ph\":\"M\",\"pid\":1,\"tid\":\(id(ofThread: number)),"
      text += "\"args\":{\"sort_index\":\(number)}}"
    }
    return Array(text.utf8)
  }

  /// The events of a chunk whose calls have returned, each with a comma in front.
  func events(_ chunk: Recorder.Chunk) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(chunk.events.count * 256)
    for event in chunk.events where event.duration != TraceEvent.unfinished {
      let head = heads[Int(event.function)]
      text += head.event
      text += "\(id(ofThread: chunk.thread)),\"ts\":\(microseconds(event.start &- recorder.start))".utf8
      text += ",\"dur\":\(microseconds(event.duration))".utf8
      text += head.arguments
      append(event, of: recorder.functions[Int(event.function)], chunk.thread, to: &text)
      text += "}}".utf8
    }
    return text
  }

  private func append(
    _ event: TraceEvent, of function: Recorder.Function, _ thread: Int, to text: inout [UInt8]
  ) {
    let names = recorder.nodes[function.node].parameterNames
    if function.hasPass { text += ",\"step\":\(event.frame.step),\"pass\":\(event.frame.pass)".utf8 }
    if function.hasFrame { append(event.frame, names, to: &text) }
    let all = event.values
    let values = [all.0, all.1, all.2, all.3, all.4, all.5]
    let texts = recorder.threads[thread].pointee.texts
    for (argument, value) in zip(function.arguments, values) {
      text += ",\(jsonString(argument.name)):".utf8
      text += self.value(value, argument.letter, texts, names).utf8
    }
    switch function.result {
    case .void, .pointer, .string, .frame, .error, .parameterPointer, .slot, .pass, .matrix, .output, .dtype:
      break
    case .extensionTable: text += ",\"found\":\(event.result != 0)".utf8
    case .status:
      text += ",\"status\":\(Int64(bitPattern: event.result))".utf8
      if let message = texts[event.message] { text += ",\"message\":\(jsonString(message))".utf8 }
    case let letter: text += ",\"result\":\(value(event.result, letter, texts, names))".utf8
    }
  }

  private func append(_ frame: FrameFacts, _ names: [String], to text: inout [UInt8]) {
    text += ",\"step\":\(frame.step),\"pass\":\(frame.pass),\"phase\":\(frame.phase)".utf8
    text += ",\"segments\":\(frame.segments),\"elements\":\(frame.elements)".utf8
    guard frame.segments > 0 else { return }
    text += ",\"parameter\":\(parameter(UInt64(frame.parameter), names))".utf8
    let groups =
      frame.lowestGroup == frame.highestGroup
      ? "\(frame.lowestGroup)" : "\"\(frame.lowestGroup) to \(frame.highestGroup)\""
    text += ",\"group\":\(groups)".utf8
  }

  private func value(
    _ bits: UInt64, _ letter: Signature.Letter, _ texts: ThreadTexts, _ names: [String]
  ) -> String {
    switch letter {
    case .matrix: jsonString(MatrixShape(bits: bits).text)
    case .dtype: jsonString(dtypeName(UInt32(truncatingIfNeeded: bits)))
    case .string, .slot, .parameterPointer: texts[UInt32(truncatingIfNeeded: bits)].map(jsonString) ?? "null"
    case .parameterIndex: parameter(bits, names)
    case .float, .double:
      Double(bitPattern: bits).isFinite ? "\(Double(bitPattern: bits))" : "\"\(Double(bitPattern: bits))\""
    case .int8, .int16, .int32, .int64: "\(Int64(bitPattern: bits))"
    default: "\(bits)"
    }
  }

  /// A parameter's name, or its place if it has none.
  private func parameter(_ index: UInt64, _ names: [String]) -> String {
    index < UInt64(names.count) ? jsonString(names[Int(index)]) : "\(index)"
  }
}

/// The bytes of an `optplug_dtype` as the type's name.
private func dtypeName(_ bits: UInt32) -> String {
  let dtype = optplug_dtype(
    code: UInt8(bits & 0xFF), bits: UInt8(bits >> 8 & 0xFF), lanes: UInt16(bits >> 16))
  return DType(dtype).map { "\($0)" } ?? "code \(dtype.code), \(dtype.bits) bits"
}

/// Perfetto takes number 0 for the idle thread of a processor, and the one that is the process's for its main thread.
private func id(ofThread number: Int) -> Int { number + 1 }

/// Nanoseconds as microseconds, exactly.
private func microseconds(_ nanoseconds: UInt64) -> String {
  let fraction = String(nanoseconds % 1000)
  return "\(nanoseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
}
