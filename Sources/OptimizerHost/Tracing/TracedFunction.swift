// A function that records each call of another function and passes it on: made by libffi from the signature alone.

import CFFI
import COptPlug
import BasicFoundation
import Synchronization

/// An argument that an event keeps beside what it keeps of a frame.
struct Capture {
  /// The parameter's place.
  let parameter: Int
  let letter: Signature.Letter
}

/// What a traced function knows. Plain memory that lives as long as the process: plugins keep the function's address.
struct TracedFunction {
  let original: @convention(c) () -> Void
  let interface: UnsafeMutablePointer<ffi_cif>
  let recording: UnsafeMutablePointer<Recording>
  /// The function's place in the recorder's list.
  let index: UInt32
  let result: Signature.Letter
  /// Parameters that are pointers, as bits: one may be the table itself.
  let pointers: UInt32
  /// The copy of a table in which the function is found; nil when the caller may pass the table as it is.
  let copy: UnsafeMutableRawPointer?
  /// Memory that holds the address of the table that was copied, which the original function must see.
  let table: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  /// The parameters that are the frame, the pass and the one for a message, or -1.
  let frame: Int
  let pass: Int
  let error: Int
  let captures: UnsafeMutablePointer<Capture>
  let captureCount: Int
  let hasOutputs: Bool
  /// For functions that find tables of extensions: who copies the tables, and the parameter that is the id.
  let finder: Unmanaged<Interposer>?
  let id: Int
  /// Whether the function is the host's.
  let isHost: Bool

  /// Calls the original, with events around it when somebody listens.
  @inline(__always)
  static func call(
    _ function: UnsafeMutablePointer<TracedFunction>, _ result: UnsafeMutableRawPointer?,
    _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) {
    function.pointee.restoreTable(arguments)
    guard function.pointee.recording.pointee.isOn.load(ordering: .acquiring),
      let thread = function.pointee.threadRecord
    else {
      ffi_call(function.pointee.interface, function.pointee.original, result, arguments)
      return
    }
    let event = function.pointee.begin(thread, arguments)
    let facts = function.pointee.frameFacts(arguments)
    let outer = thread.pointee.inside
    var inside: UInt64 = 0
    let (start, end) = withUnsafeMutablePointer(to: &inside) { inside in
      thread.pointee.inside = inside
      let start = now()
      ffi_call(function.pointee.interface, function.pointee.original, result, arguments)
      let end = now()
      thread.pointee.inside = outer
      return (start, end)
    }
    outer?.pointee &+= end &- start
    let failed = function.pointee.hasFailed(result)
    function.pointee.count(thread, end &- start, inside: inside, elements: facts.elements, failed: failed)
    if let finder = function.pointee.finder {
      finder.takeUnretainedValue().trace(function, result, arguments)
    }
    guard let event else { return }
    event.pointee.frame = facts
    event.pointee.start = start
    event.pointee.result = function.pointee.widened(result)
    if failed {
      event.pointee.message = function.pointee.message(thread, arguments)
    } else if function.pointee.hasOutputs {
      function.pointee.captureOutputs(event, arguments)
    }
    event.pointee.duration = end &- start
  }

  private var threadRecord: UnsafeMutablePointer<ThreadRecord>? {
    @inline(__always) get {
      if let record = pthread_getspecific(recording.pointee.key) {
        return record.assumingMemoryBound(to: ThreadRecord.self)
      }
      return recording.pointee.recorder.takeUnretainedValue().register()
    }
  }

  /// Puts the original table in the place of its copy: its owner may know it by its address.
  @inline(__always)
  private func restoreTable(_ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>) {
    guard let copy else { return }
    var pointers = pointers
    while pointers != 0 {
      let i = pointers.trailingZeroBitCount
      pointers &= pointers &- 1
      if argument(i, arguments, as: UnsafeMutableRawPointer?.self) == copy {
        arguments[i] = UnsafeMutableRawPointer(table)
      }
    }
  }

  /// Takes the next event and keeps arguments in it. Nil when it is dropped.
  @inline(__always)
  private func begin(
    _ thread: UnsafeMutablePointer<ThreadRecord>, _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) -> UnsafeMutablePointer<TraceEvent>? {
    if thread.pointee.next == thread.pointee.end, !thread.pointee.isFull {
      recording.pointee.recorder.takeUnretainedValue().extend(thread)
    }
    guard let event = thread.pointee.next, event != thread.pointee.end else {
      thread.pointee.dropped &+= 1
      return nil
    }
    thread.pointee.next = event + 1
    event.initialize(to: TraceEvent(function: index))
    if captureCount > 0 { capture(event, thread, arguments) }
    return event
  }

  private func capture(
    _ event: UnsafeMutablePointer<TraceEvent>, _ thread: UnsafeMutablePointer<ThreadRecord>,
    _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) {
    withUnsafeMutableBytes(of: &event.pointee.values) { values in
      for i in 0..<captureCount {
        let parameter = captures[i].parameter
        let value: UInt64 =
          switch captures[i].letter {
          case .string:
            UInt64(
              thread.pointee.texts.keep(argument(parameter, arguments, as: UnsafePointer<CChar>?.self)))
          case .slot:
            UInt64(
              thread.pointee.texts.keep(
                argument(parameter, arguments, as: UnsafePointer<optplug_slot>?.self)?.pointee.name))
          case .parameterPointer:
            UInt64(
              thread.pointee.texts.keep(
                argument(parameter, arguments, as: UnsafePointer<optplug_parameter>?.self)?.pointee.name))
          case .matrix:
            argument(parameter, arguments, as: UnsafePointer<optplug_matrix>?.self)
              .map { MatrixShape($0.pointee).bits } ?? 0
          case .output: 0
          case let letter: arguments[parameter].map { widen($0, letter) } ?? 0
          }
        values.storeBytes(of: value, toByteOffset: 8 * i, as: UInt64.self)
      }
    }
  }

  /// Keeps the results that a call left behind pointers.
  private func captureOutputs(
    _ event: UnsafeMutablePointer<TraceEvent>, _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) {
    withUnsafeMutableBytes(of: &event.pointee.values) { values in
      for i in 0..<captureCount where captures[i].letter == .output {
        let output = argument(captures[i].parameter, arguments, as: UnsafePointer<UInt32>?.self)
        values.storeBytes(of: output.map { UInt64($0.pointee) } ?? 0, toByteOffset: 8 * i, as: UInt64.self)
      }
    }
  }

  @inline(__always)
  private func frameFacts(_ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> FrameFacts {
    if frame >= 0, let frame = argument(frame, arguments, as: UnsafePointer<optplug_frame>?.self) {
      return FrameFacts(frame)
    }
    if pass >= 0, let pass = argument(pass, arguments, as: UnsafePointer<optplug_pass>?.self) {
      return FrameFacts(pass)
    }
    return FrameFacts()
  }

  @inline(__always)
  private func argument<T>(
    _ i: Int, _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>, as _: T?.Type
  ) -> T? {
    arguments[i]?.load(as: T?.self) ?? nil
  }

  @inline(__always)
  private func hasFailed(_ result: UnsafeMutableRawPointer?) -> Bool {
    guard self.result == .status, let result else { return false }
    return result.load(as: Int32.self) != OPTPLUG_OK
  }

  @inline(__always)
  private func count(
    _ thread: UnsafeMutablePointer<ThreadRecord>, _ duration: UInt64, inside: UInt64, elements: UInt64,
    failed: Bool
  ) {
    let total = thread.pointee.totals + Int(index)
    total.pointee.calls &+= 1
    total.pointee.total &+= duration
    total.pointee.own &+= duration &- inside
    total.pointee.elements &+= elements
    if failed { total.pointee.failures &+= 1 }
  }

  private func widened(_ result: UnsafeMutableRawPointer?) -> UInt64 {
    guard self.result != .void, let result else { return 0 }
    return widen(result, self.result)
  }

  private func message(
    _ thread: UnsafeMutablePointer<ThreadRecord>, _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) -> UInt32 {
    guard error >= 0, let error = argument(error, arguments, as: UnsafePointer<optplug_error>?.self) else {
      return ThreadTexts.none
    }
    return thread.pointee.texts.keep(error.pointee.message, limit: Int(error.pointee.message_capacity))
  }
}

/// A matrix's rows and columns as one number.
struct MatrixShape {
  let bits: UInt64

  init(bits: UInt64) { self.bits = bits }

  init(_ matrix: optplug_matrix) {
    bits =
      UInt64(matrix.transposed & 1) << 63 | UInt64(truncatingIfNeeded: matrix.rows & 0x7FFF_FFFF) << 32
      | UInt64(truncatingIfNeeded: matrix.columns & 0xFFFF_FFFF)
  }

  /// "256 x 128 transposed": as stored.
  var text: String {
    "\(bits >> 32 & 0x7FFF_FFFF) x \(bits & 0xFFFF_FFFF)" + (bits >> 63 == 1 ? " transposed" : "")
  }
}

/// A number in memory as 64 bits: integers by their sign, floats as doubles.
private func widen(_ memory: UnsafeRawPointer, _ letter: Signature.Letter) -> UInt64 {
  switch letter {
  case .void: 0
  case .int8: UInt64(bitPattern: Int64(memory.load(as: Int8.self)))
  case .uint8: UInt64(memory.load(as: UInt8.self))
  case .int16: UInt64(bitPattern: Int64(memory.load(as: Int16.self)))
  case .uint16: UInt64(memory.load(as: UInt16.self))
  case .int32, .status: UInt64(bitPattern: Int64(memory.load(as: Int32.self)))
  case .uint32, .parameterIndex, .dtype: UInt64(memory.load(as: UInt32.self))
  case .float: Double(memory.load(as: Float.self)).bitPattern
  case .int64, .uint64, .double, .pointer, .string, .frame, .error, .parameterPointer, .slot, .pass, .matrix,
    .output, .extensionTable:
    memory.load(as: UInt64.self)
  }
}
