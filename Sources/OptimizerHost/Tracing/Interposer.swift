// Stands between one node of a tree and its callers: copies of its tables, with traced functions in place of its own.

import COptPlug
import BasicFoundation

/// A node's description as its callers get it while a trace is on, and the host as its plugin gets it. Both lead to
/// traced functions, and so do the tables that `get_extension` finds through them. Lives as long as the process.
final class Interposer {
  /// Tables larger than this are handed on as they are.
  private static let mostTableBytes = 1 << 16

  /// The type with the traced description.
  private(set) var type: OptimizerType
  private(set) var host = hostInterface
  private let recorder: Unmanaged<Recorder>
  private let recording: UnsafeMutablePointer<Recording>
  private let allocate: ClosureAllocator
  private let node: Int
  private let described: DescribedSignatures
  private let lock = Lock()
  // Guarded by `lock`.
  private var copies: [(original: UnsafeMutableRawPointer, id: String, copy: UnsafeMutableRawPointer)] = []
  /// Traced functions of the tables for `plan`, which the host makes anew for every call.
  private var planned: [Place: UnsafeMutableRawPointer] = [:]

  /// A function and where it lies in its table.
  private struct Place: Hashable {
    let offset: Int
    let function: UnsafeMutableRawPointer
  }

  private let hostLabel = "host."

  /// Describes a node to the recorder and makes its copies.
  /// - Throws: `OptimizerError.tracing`.
  init(_ type: OptimizerType, path: String, recorder: Recorder, allocate: @escaping ClosureAllocator) throws {
    self.type = type
    self.recorder = Unmanaged.passUnretained(recorder)
    recording = recorder.recording
    self.allocate = allocate
    node = recorder.add(Recorder.Node(name: type.name, path: path))
    described = DescribedSignatures(type)
    // Traced functions refer to it, and plugins may keep those.
    _ = Unmanaged.passRetained(self)
    for problem in described.problems { recorder.note(problem) }
    let optimizer = try traced(
      UnsafeMutableRawPointer(mutating: type.descriptor), Int(type.descriptor.pointee.struct_size),
      ABISignatures.optimizer, label: "")
    self.type = type.described(by: UnsafePointer(optimizer.assumingMemoryBound(to: optplug_optimizer.self)))
    let host = try traced(
      UnsafeMutableRawPointer(mutating: hostInterface), Int(hostInterface.pointee.struct_size),
      ABISignatures.host, label: hostLabel)
    self.host = UnsafePointer(host.assumingMemoryBound(to: optplug_host.self))
  }

  /// Tells the recorder the names of the parameters that the node sees, in its order.
  func learn(_ parameterNames: [String]) { recorder.takeUnretainedValue().name(parameterNames, of: node) }

  /// Puts traced functions into a table that the host made for one call.
  /// - Throws: `OptimizerError.tracing`.
  func trace(_ plan: inout optplug_plan) throws {
    try withUnsafeMutableBytes(of: &plan) { table in
      guard let start = table.baseAddress else { return }
      try replace(start, table.count, ABISignatures.plan, label: hostLabel, original: nil)
    }
  }

  /// A copy of a table with traced functions.
  private func traced(
    _ table: UnsafeMutableRawPointer, _ size: Int, _ functions: [FunctionSignature], label: String
  ) throws -> UnsafeMutableRawPointer {
    guard size <= Self.mostTableBytes else {
      throw OptimizerError.tracing("a table of '\(type.name)' is \(size) bytes long; that cannot be right")
    }
    let copy = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    copy.copyMemory(from: table, byteCount: size)
    try replace(copy, size, functions, label: label, original: table)
    return copy
  }

  private func replace(
    _ table: UnsafeMutableRawPointer, _ size: Int, _ functions: [FunctionSignature], label: String,
    original: UnsafeMutableRawPointer?
  ) throws {
    for function in functions where function.offset + 8 <= size {
      do {
        try replace(function, in: table, label: label, original: original)
      } catch {
        throw OptimizerError.tracing("'\(type.name)': \(label)\(function.member): \(error)")
      }
    }
  }

  private func replace(
    _ function: FunctionSignature, in table: UnsafeMutableRawPointer, label: String,
    original: UnsafeMutableRawPointer?
  ) throws(Closure.Failure) {
    let place = table + function.offset
    guard let code = place.load(as: UnsafeMutableRawPointer?.self) else { return }
    guard original == nil else {
      let traced = try make(function, code, copy: table, label, original)
      return place.storeBytes(of: traced, as: UnsafeMutableRawPointer.self)
    }
    let key = Place(offset: function.offset, function: code)
    var traced = lock.withLock { planned[key] }
    if traced == nil {
      traced = try make(function, code, copy: nil, label, nil)
      lock.withLock { planned[key] = traced }
    }
    place.storeBytes(of: traced, as: UnsafeMutableRawPointer?.self)
  }

  private func make(
    _ function: FunctionSignature, _ code: UnsafeMutableRawPointer, copy: UnsafeMutableRawPointer?,
    _ label: String, _ original: UnsafeMutableRawPointer?
  ) throws(Closure.Failure) -> UnsafeMutableRawPointer {
    guard let signature = Signature(function.signature) else { throw .signature(function.signature) }
    guard let interface = signature.prepare() else { throw .unknownCall }
    let captures = signature.captures
    let names = function.parameters
    let entry = Recorder.Function(
      node: node, table: label, member: function.member,
      arguments: captures.map { capture in
        let name =
          names.indices.contains(capture.parameter) ? names[capture.parameter] : "\(capture.parameter)"
        return Recorder.Argument(name: name, letter: capture.letter)
      }, hasFrame: signature.parameters.contains(.frame), hasPass: signature.parameters.contains(.pass),
      result: signature.result)
    guard let index = recorder.takeUnretainedValue().add(entry) else { throw .tooMany }
    let table = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)
    table.initialize(to: original)
    let kept = UnsafeMutablePointer<Capture>.allocate(capacity: max(1, captures.count))
    for (i, capture) in captures.enumerated() { (kept + i).initialize(to: capture) }
    let finds = signature.result == .extensionTable
    return try Closure.make(
      TracedFunction(
        original: unsafeBitCast(code, to: (@convention(c) () -> Void).self), interface: interface,
        recording: recording, index: UInt32(index), result: signature.result, pointers: signature.pointers,
        copy: copy, table: table, frame: signature.parameters.firstIndex(of: .frame) ?? -1,
        pass: signature.parameters.firstIndex(of: .pass) ?? -1,
        error: signature.parameters.firstIndex(of: .error) ?? -1, captures: kept,
        captureCount: captures.count, hasOutputs: captures.contains { $0.letter == .output },
        finder: finds ? Unmanaged.passUnretained(self) : nil,
        id: signature.parameters.firstIndex(of: .string) ?? -1, isHost: label.hasPrefix(hostLabel)),
      allocate)
  }

  /// Puts the traced copy of a table that `get_extension` has found in its place.
  func trace(
    _ function: UnsafeMutablePointer<TracedFunction>, _ result: UnsafeMutableRawPointer?,
    _ arguments: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  ) {
    guard let table = result?.load(as: UnsafeMutableRawPointer?.self), function.pointee.id >= 0,
      let id = arguments[function.pointee.id]?.load(as: UnsafePointer<CChar>?.self)
    else { return }
    let copy = copyOfTable(table, String(cString: id), isHost: function.pointee.isHost)
    result?.storeBytes(of: copy, as: UnsafeMutableRawPointer.self)
  }

  private func copyOfTable(_ table: UnsafeMutableRawPointer, _ id: String, isHost: Bool)
    -> UnsafeMutableRawPointer
  {
    if let known = lock.withLock({ copies.first { $0.original == table && $0.id == id } }) {
      return known.copy
    }
    let copy = makeCopy(table, id, isHost: isHost)
    return lock.withLock {
      // Another thread may have been faster.
      if let known = copies.first(where: { $0.original == table && $0.id == id }) { return known.copy }
      copies.append((table, id, copy))
      return copy
    }
  }

  /// A traced copy, or the table itself where nothing is known of it.
  private func makeCopy(_ table: UnsafeMutableRawPointer, _ id: String, isHost: Bool)
    -> UnsafeMutableRawPointer
  {
    let own = isHost ? nil : described.tables[id]
    guard let functions = ABISignatures.extensions[id] ?? own else {
      // What was wrong with a description has been noted.
      if !described.refused.contains(id) {
        note(
          "extension \(id) of \(isHost ? "the host" : "'\(type.name)'") is handed on untraced: its functions are "
            + "not described (an optimizer can describe them by \(OPTPLUG_EXTENSION_SIGNATURES))")
      }
      return table
    }
    let short = id.hasPrefix("optplug.") ? String(id.dropFirst("optplug.".count)) : id
    do {
      return try traced(
        table, Int(table.load(as: UInt32.self)), functions, label: (isHost ? hostLabel : "") + short + ".")
    } catch {
      note("extension \(id) is handed on untraced: \(error)")
      return table
    }
  }

  private func note(_ text: String) { recorder.takeUnretainedValue().note(text) }
}

extension Signature {
  /// The arguments that an event keeps: texts and numbers, as many as it has room for.
  fileprivate var captures: [Capture] {
    let kept: [Capture] = parameters.enumerated().compactMap { i, letter in
      switch letter {
      case .void, .pointer, .frame, .error, .status, .pass, .extensionTable: nil
      default: Capture(parameter: i, letter: letter)
      }
    }
    return Array(kept.prefix(TraceEvent.mostValues))
  }

  /// Parameters that are pointers to anything, as bits.
  fileprivate var pointers: UInt32 {
    parameters.enumerated().reduce(0) { $1.element == .pointer ? $0 | 1 << UInt32($1.offset) : $0 }
  }
}
