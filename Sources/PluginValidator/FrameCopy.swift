// Makes another frame of the host's: with other places, sizes or orders, as another or a later host might.

import COptPlug
import OptimizerHost

/// How a frame and all frames below it are copied.
struct FrameCopy {
  let optimizer: Optimizer
  let groupCount: Int
  let tables: TableMemory
  /// - Parameters:
  ///   - groupCount: of the optimizer's parameter groups.
  ///   - tables: where copies lie.
  init(optimizer: Optimizer, groupCount: Int, tables: TableMemory) {
    self.optimizer = optimizer
    self.groupCount = groupCount
    self.tables = tables
  }

  /// What later minors append: bytes behind each struct, which hold 0xA5.
  var extraFrameBytes = 0
  var extraSegmentBytes = 0
  var extraParameterBytes = 0
  var flags: UInt32 = 0
  var reversesSegments = false
  /// What must be put back into the host's order after the call.
  private let reversed = Reversed()
  /// Whether there are no segments to see, though their array is there.
  var showsNothing = false
  /// Whether the segments are left out.
  var isEmpty = false
  /// An element type instead of the host's.
  var dtype: optplug_dtype?
  /// Where a stream of a segment lies instead: for its address now, its size and what it is.
  var relocate:
    ((_ now: UnsafeMutableRawPointer, _ bytes: Int, _ what: Stream) throws -> UnsafeMutableRawPointer)?
  /// Changes a segment when all else has been done.
  var edit: ((inout optplug_segment) -> Void)?
  /// Changes the copy of the table of parameters, entry by entry.
  var editParameter: ((inout optplug_parameter) -> Void)?

  private final class Reversed {
    var rows: [(to: UnsafeMutablePointer<Double>, from: UnsafePointer<Double>, count: Int, width: Int)] = []
  }

  /// To be called after the call that got the copy.
  func finish() {
    for (to, from, count, width) in reversed.rows {
      for row in 0..<count { (to + row * width).update(from: from + (count - 1 - row) * width, count: width) }
    }
    reversed.rows = []
  }

  /// A stream of memory that segments point into.
  enum Stream: Hashable {
    case parameter(Int), gradient(Int), slot(parameter: Int, name: String)
    /// The gradient that a wrapper makes for its bases.
    case baseGradient(Int)
    /// Working memory of a node.
    case scratch
  }

  /// The copy of the root's frame. Valid until `tables` starts over.
  func callAsFunction(_ frame: UnsafePointer<optplug_frame>) throws -> UnsafePointer<optplug_frame> {
    try copy(frame, node: 0)
  }

  private func copy(_ frame: UnsafePointer<optplug_frame>, node: Int) throws -> UnsafePointer<optplug_frame> {
    let size = Int(frame.pointee.struct_size)
    let memory = try tables.allocate(size + extraFrameBytes)
    memory.copyMemory(from: frame, byteCount: size)
    (memory + size).initializeMemory(as: UInt8.self, repeating: 0xA5, count: extraFrameBytes)
    let copy = memory.assumingMemoryBound(to: optplug_frame.self)
    copy.pointee.struct_size += UInt32(extraFrameBytes)
    copy.pointee.flags |= flags
    if let dtype { copy.pointee.dtype = dtype }
    copy.pointee.parameters = try tables.grown(
      frame.pointee.parameters, by: extraParameterBytes, edit: editParameter)
    copy.pointee.segments = try segments(frame, node)
    if isEmpty || showsNothing {
      copy.pointee.scratch_size = UInt64(optimizer.conformanceFixedScratch(of: node))
    }
    if let relocate, let scratch = frame.pointee.scratch, frame.pointee.scratch_size > 0 {
      copy.pointee.scratch = try relocate(scratch, Int(frame.pointee.scratch_size), .scratch)
    }
    if reversesSegments, let partials = frame.pointee.partials {
      // Rows follow their segments; the host finds them in its own order again.
      let width = optimizer.conformanceReductions(of: node)
      let rows = try tables.allocate(max(1, Int(frame.pointee.segments.count) * width) * 8)
      rows.initializeMemory(
        as: UInt8.self, repeating: 0, count: Int(frame.pointee.segments.count) * width * 8)
      copy.pointee.partials = rows.assumingMemoryBound(to: Double.self)
      reversed.rows.append(
        (
          partials, UnsafePointer(rows.assumingMemoryBound(to: Double.self)),
          Int(frame.pointee.segments.count), width
        ))
    }
    copy.pointee.hyperparameters = try hyperparameters(frame.pointee.hyperparameters, node)
    let bases = optimizer.conformanceBases(of: node)
    if let children = frame.pointee.children, !bases.isEmpty {
      let made = try tables.allocate(bases.count * 8).assumingMemoryBound(
        to: UnsafePointer<optplug_frame>?.self)
      for (i, base) in bases.enumerated() {
        made[i] = try children[i].map { try self.copy($0, node: base) }
      }
      copy.pointee.children = UnsafePointer(made)
    }
    return UnsafePointer(copy)
  }

  private func segments(_ frame: UnsafePointer<optplug_frame>, _ node: Int) throws -> optplug_span {
    guard !isEmpty else { return optplug_span(data: nil, count: 0, stride: frame.pointee.segments.stride) }
    let span = try tables.grown(
      frame.pointee.segments, by: extraSegmentBytes, reversed: reversesSegments)
    guard !showsNothing else { return optplug_span(data: span.data, count: 0, stride: span.stride) }
    let elementSize = Int(frame.pointee.dtype.bits) / 8
    for i in 0..<span.count {
      let segment = span.element(i, as: optplug_segment.self)
      if let relocate { try move(&segment.pointee, node, elementSize, relocate) }
      edit?(&segment.pointee)
    }
    return span
  }

  private func move(
    _ segment: inout optplug_segment, _ node: Int, _ elementSize: Int,
    _ relocate: (UnsafeMutableRawPointer, Int, Stream) throws -> UnsafeMutableRawPointer
  ) throws {
    let parameter = optimizer.conformanceParameter(node: node, number: Int(segment.parameter_index))
    let count = Int(segment.count)
    if let now = segment.parameter {
      segment.parameter = try relocate(now, count * elementSize, .parameter(parameter))
    }
    if let now = segment.gradient {
      segment.gradient = UnsafeRawPointer(
        try relocate(UnsafeMutableRawPointer(mutating: now), count * elementSize, .gradient(parameter)))
    }
    if let now = segment.base_gradient {
      segment.base_gradient = try relocate(now, count * elementSize, .baseGradient(parameter))
    }
    guard let slots = segment.slots else { return }
    let views = optimizer.conformanceSlots(node: node, parameter: parameter)
    let made = try tables.allocate(views.count * 8).assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    for (i, view) in views.enumerated() {
      let bytes = view.bytes(elements: count)
      made[i] = try slots[i].map { try relocate($0, bytes, .slot(parameter: parameter, name: view.name)) }
    }
    segment.slots = UnsafePointer(made)
  }

  private func hyperparameters(_ rows: UnsafePointer<UnsafePointer<Double>?>?, _ node: Int) throws
    -> UnsafePointer<UnsafePointer<Double>?>?
  {
    guard let rows else { return nil }
    let width = optimizer.optimizers[node].hyperparameters.count
    let made = try tables.allocate(groupCount * 8).assumingMemoryBound(to: UnsafePointer<Double>?.self)
    for group in 0..<groupCount {
      let row = try tables.allocate(max(1, width) * 8)
      if let values = rows[group] { row.copyMemory(from: values, byteCount: width * 8) }
      made[group] = UnsafePointer(row.assumingMemoryBound(to: Double.self))
    }
    return UnsafePointer(made)
  }
}

extension TableMemory {
  /// A copy of a table of parameters that have grown by `extra` bytes, each of them edited.
  func grown(_ parameters: optplug_span, by extra: Int, edit: ((inout optplug_parameter) -> Void)?) throws
    -> optplug_span
  {
    let copy = try grown(parameters, by: extra)
    if let edit {
      for i in 0..<copy.count { edit(&copy.element(i, as: optplug_parameter.self).pointee) }
    }
    return copy
  }

  /// A copy of an array of structs whose elements have grown by `extra` bytes.
  func grown(_ span: optplug_span, by extra: Int, reversed: Bool = false) throws -> optplug_span {
    let (stride, count) = (Int(span.stride), Int(span.count))
    guard count > 0, let data = span.data else { return span }
    let memory = try allocate(count * (stride + extra))
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: count * (stride + extra))
    for i in 0..<count {
      (memory + i * (stride + extra)).copyMemory(
        from: data + (reversed ? count - 1 - i : i) * stride, byteCount: stride)
    }
    return optplug_span(data: memory, count: span.count, stride: span.stride + UInt32(extra))
  }
}

extension optplug_span {
  /// One element of a copy.
  fileprivate func element<T>(_ i: UInt32, as _: T.Type) -> UnsafeMutablePointer<T> {
    let data = UnsafeMutableRawPointer(mutating: data.unsafelyUnwrapped)
    return (data + Int(i) * Int(stride)).assumingMemoryBound(to: T.self)
  }
}
