// Keeps what traced calls report: which functions there are, and a record for each thread.

import COptimizerHost
import BasicFoundation
import Synchronization

/// How traced functions find their recorder. Lives as long as the process, as the functions do: a plugin may keep the
/// host that it was created with for ever, and call it when the recorder is gone.
struct Recording: ~Copyable {
  let isOn = Atomic<Bool>(true)
  /// A thread's own `ThreadRecord`.
  let key: pthread_key_t
  /// Valid while `isOn`.
  let recorder: Unmanaged<Recorder>
}

/// Everything that a trace has recorded so far. Adding to it is safe from any thread; reading it is not while traced
/// functions run.
final class Recorder {
  /// A node of the tree, as the table and the events name it.
  struct Node {
    let name: String
    /// As `Node.path`: "" for the root, "base." below it.
    let path: String
    /// Of the parameters that the node sees, in its order.
    var parameterNames: [String] = []
  }

  /// An argument that events of a function keep.
  struct Argument {
    let name: String
    let letter: Signature.Letter
  }

  /// A traced function.
  struct Function {
    /// The place of the node whose function it is, or to which the host handed it.
    let node: Int
    /// Which table it lies in: "" for the optimizer's own, "host." or an extension's id and a dot.
    let table: String
    let member: String
    /// In the order of `TraceEvent.values`.
    let arguments: [Argument]
    let hasFrame: Bool
    let hasPass: Bool
    let result: Signature.Letter

    /// "step", "host.add_slot", "eval-view/1.enter".
    var label: String { table + member }
  }

  /// Functions beyond this number are not traced.
  static let mostFunctions = 4096

  let recording: UnsafeMutablePointer<Recording>
  /// When recording began, on the clock of the events.
  let start = now()
  private let limit: Int
  private let chunkLength: Int
  private let lock = Lock()
  // Guarded by `lock`.
  private(set) var nodes: [Node] = []
  private(set) var functions: [Function] = []
  private(set) var notes: [String] = []
  private(set) var threads: [UnsafeMutablePointer<ThreadRecord>] = []
  private(set) var threadNames: [String] = []
  private var chunks: [[UnsafeMutableBufferPointer<TraceEvent>]] = []
  private var eventsGiven = 0

  /// - Parameter limit: events that are kept, of all threads together.
  /// - Throws: `OptimizerError.tracing`.
  init(limit: Int) throws {
    self.limit = limit
    chunkLength = min(4096, max(64, limit / 16))
    var key = pthread_key_t()
    guard pthread_key_create(&key, nil) == 0 else {
      throw OptimizerError.tracing(
        "the system has no more room for thread-specific data; end other traces first")
    }
    recording = .allocate(capacity: 1)
    recording.initialize(to: Recording(key: key, recorder: Unmanaged.passUnretained(self)))
  }

  deinit {
    recording.pointee.isOn.store(false, ordering: .sequentiallyConsistent)
    pthread_key_delete(recording.pointee.key)
    for record in threads {
      record.pointee.deallocate()
      record.deallocate()
    }
    for chunk in chunks.joined() { chunk.deallocate() }
  }

  func add(_ node: Node) -> Int {
    lock.withLock {
      nodes.append(node)
      return nodes.count - 1
    }
  }

  func name(_ parameters: [String], of node: Int) {
    lock.withLock { nodes[node].parameterNames = parameters }
  }

  /// - Returns: the function's place, or nil when there are too many.
  func add(_ function: Function) -> Int? {
    lock.withLock {
      guard functions.count < Self.mostFunctions else { return nil }
      functions.append(function)
      return functions.count - 1
    }
  }

  /// Adds something that a reader of the trace should know, once.
  func note(_ text: String) { lock.withLock { if !notes.contains(text) { notes.append(text) } } }

  /// The calling thread's record, made on its first call.
  func register() -> UnsafeMutablePointer<ThreadRecord>? {
    lock.withLock {
      let record = UnsafeMutablePointer<ThreadRecord>.allocate(capacity: 1)
      record.initialize(to: ThreadRecord(number: threads.count))
      guard pthread_setspecific(recording.pointee.key, record) == 0 else {
        record.pointee.deallocate()
        record.deallocate()
        return nil
      }
      threads.append(record)
      threadNames.append(nameOfThisThread(number: threads.count))
      chunks.append([])
      return record
    }
  }

  /// Gives a thread room for more events, if the limit allows.
  func extend(_ record: UnsafeMutablePointer<ThreadRecord>) {
    lock.withLock {
      let length = min(chunkLength, limit - eventsGiven)
      guard length > 0 else {
        record.pointee.isFull = true
        return
      }
      eventsGiven += length
      let chunk = UnsafeMutableBufferPointer<TraceEvent>.allocate(capacity: length)
      chunks[record.pointee.number].append(chunk)
      record.pointee.next = chunk.baseAddress
      record.pointee.end = chunk.baseAddress.map { $0 + length }
    }
  }

  /// Events of a thread that lie together, in the order in which the calls began.
  struct Chunk {
    let thread: Int
    let events: UnsafeBufferPointer<TraceEvent>
  }

  /// All events that are kept, those of calls that have not returned among them.
  var chunkList: [Chunk] {
    threads.indices.flatMap { thread in
      chunks[thread].enumerated().compactMap { i, chunk in
        guard let start = chunk.baseAddress else { return nil }
        let isLast = i == chunks[thread].count - 1
        let used = isLast ? threads[thread].pointee.next.map { $0 - start } ?? 0 : chunk.count
        return Chunk(thread: thread, events: UnsafeBufferPointer(start: start, count: used))
      }
    }
  }
}

/// Nanoseconds of a clock that does not jump.
@inline(__always) func now() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

private func nameOfThisThread(number: Int) -> String {
  if optimizer_host_is_main_thread() != 0 { return "main" }
  var bytes = [CChar](repeating: 0, count: 64)
  guard optimizer_host_thread_name(&bytes, bytes.count) == 0, bytes[0] != 0 else { return "thread \(number)" }
  return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
