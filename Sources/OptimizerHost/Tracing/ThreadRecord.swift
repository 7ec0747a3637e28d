// What one thread has recorded. Only that thread writes it, so recording takes no lock.

import BasicFoundation

/// A thread's events, sums and texts. Plain memory, so that reaching it costs no reference count.
struct ThreadRecord {
  /// The thread's place in the recorder's list.
  let number: Int
  /// The event after the last one, in the newest chunk.
  var next: UnsafeMutablePointer<TraceEvent>?
  /// The newest chunk's end.
  var end: UnsafeMutablePointer<TraceEvent>?
  /// Whether the recorder has no more chunks to give.
  var isFull = false
  var dropped: UInt64 = 0
  /// Sums by function, `Recorder.mostFunctions` of them.
  let totals: UnsafeMutablePointer<FunctionTotal>
  /// Where the traced call that is running adds up the time of the traced calls inside it.
  var inside: UnsafeMutablePointer<UInt64>?
  var texts = ThreadTexts()

  init(number: Int) {
    self.number = number
    totals = .allocate(capacity: Recorder.mostFunctions)
    totals.initialize(repeating: FunctionTotal(), count: Recorder.mostFunctions)
  }

  /// Frees what the record holds but the chunks, which are the recorder's.
  func deallocate() {
    totals.deallocate()
    texts.deallocate()
  }
}

/// Strings that a thread keeps, one after another in memory that doubles when it is full.
struct ThreadTexts {
  /// No text, or one that did not fit.
  static let none = UInt32.max
  /// Longer strings are cut.
  private static let mostBytes = 255
  private static let mostBytesTogether = 8 << 20

  private var bytes: UnsafeMutablePointer<CChar>?
  private var count = 0
  private var capacity = 0

  /// Keeps a copy of a string of at most `limit` bytes.
  /// - Returns: its place.
  mutating func keep(_ text: UnsafePointer<CChar>?, limit: Int = mostBytes) -> UInt32 {
    guard let text else { return Self.none }
    let length = strnlen(text, min(limit, Self.mostBytes))
    guard length > 0, reserve(length + 1), let bytes else { return Self.none }
    memcpy(bytes + count, text, length)
    bytes[count + length] = 0
    defer { count += length + 1 }
    return UInt32(count)
  }

  subscript(place: UInt32) -> String? {
    guard place != Self.none, Int(place) < count, let bytes else { return nil }
    return String(cString: bytes + Int(place))
  }

  private mutating func reserve(_ more: Int) -> Bool {
    guard count + more > capacity else { return true }
    guard count + more <= Self.mostBytesTogether else { return false }
    let wanted = max(1 << 14, 2 * capacity)
    guard let grown = realloc(bytes, wanted) else { return false }
    bytes = grown.assumingMemoryBound(to: CChar.self)
    capacity = wanted
    return true
  }

  func deallocate() { free(bytes) }
}
