// Shows a step elements beyond number 2^31 without the memory that such a tensor takes.

import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  /// Trains a tensor of which only a stretch far from its start is ever touched.
  static func trainFarAway(_ subject: Subject) throws {
    let descriptor = try subject.descriptor().pointee
    let block: Int
    switch descriptor.granularity {
    case OPTPLUG_GRANULARITY_ELEMENT: block = 1
    case OPTPLUG_GRANULARITY_BLOCK: block = Int(descriptor.granularity_block)
    default:
      throw Verdict.skipped(
        "it takes tensors whole, and one of 2^31 elements is more than a test should take")
    }
    let sumsUp = try Training(subject).optimizer.conformanceSumsUp
    // Segments of those that sum up begin at multiples of a length of their own.
    let unit = sumsUp ? max(Int(OPTPLUG_REDUCTION_LENGTH) / block, 1) * block : block
    let near = try farSnapshot(subject, offset: 0, block, sumsUp: sumsUp)
    // An optimizer may count by elements, as for random numbers. Then other places give other bits.
    let isByPlace =
      try farSnapshot(subject, offset: (1 << 16 + unit - 1) / unit * unit, block, sumsUp: sumsUp).bytes
      != near.bytes
    for limit in [1 << 31, 1 << 32] {
      // Across the limit where a segment may begin in front of it.
      let offset = (limit + unit - 1) / unit * unit - (sumsUp ? 0 : unit)
      let far = try farSnapshot(subject, offset: offset, block, sumsUp: sumsUp)
      if !isByPlace, far.bytes != near.bytes {
        throw Verdict.failed("elements from number \(offset) on are not updated as those at the start are")
      }
    }
  }

  /// The parameter after some steps with its elements at `offset` of a tensor of over 2^32, with whose shape it is
  /// planned too.
  private static func farSnapshot(_ subject: Subject, offset: Int, _ block: Int, sumsUp: Bool) throws
    -> NamedTensor
  {
    let length = max(300, 2 * block)
    let shape = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    defer { shape.deallocate() }
    // Those that sum up want segments of their length, or such as end with their tensor. Others may keep other slots for
    // small tensors, so that all must be large.
    shape.pointee = sumsUp ? Int64(offset + length) : 1 << 33
    let enlarge = { (parameter: inout optplug_parameter) in
      parameter.count = shape.pointee
      parameter.ndim = 1
      parameter.shape = UnsafePointer(shape)
    }
    let interposition = try subject.interposition()
    let planTables = try TableMemory(what: "a table of the plan")
    interposition.onPlan = { instance, plan, error, call in
      guard let plan, var enlarged = Optional(plan.pointee),
        let parameters = try? planTables.grown(plan.pointee.parameters, by: 0, edit: enlarge)
      else { return OPTPLUG_INTERNAL }
      enlarged.parameters = parameters
      return call(instance, &enlarged, error)
    }
    defer { interposition.onPlan = nil }
    let training = try Training(subject, TrainingOptions(shapes: [("w", [length])]))
    let editor = try FrameEditor(subject, training)
    let space = SparseSpace()
    editor.copy.editParameter = enlarge
    editor.copy.edit = { $0.offset += Int64(offset) }
    editor.copy.relocate = { now, bytes, what in
      // A slot may have one element for several of the parameter.
      let distance: Int
      switch what {
      case .parameter, .gradient, .baseGradient: distance = offset * training.dtype.size
      case .slot(let parameter, let name):
        let views = (0..<training.optimizer.conformanceNodeCount).flatMap { node in
          training.optimizer.conformanceSlots(node: node, parameter: parameter)
        }
        let view = views.first { $0.name == name && $0.memory == now }
        distance =
          view.map { $0.elementsPerElement == 0 ? 0 : offset / $0.elementsPerElement * $0.dtype.size } ?? 0
      case .scratch: return now
      }
      return try space.place(for: now, bytes: bytes, distance: distance)
    }
    editor.didCall = { space.copyBack() }
    try editor.step(training, times: 4)
    return training.snapshot().tensors[0]
  }
}

/// Address space for whole tensors, of which the system provides only pages that are touched.
private final class SparseSpace {
  private var mappings:
    [UnsafeMutableRawPointer: (base: UnsafeMutableRawPointer, mapped: Int, bytes: Int, at: Int)] =
      [:]

  deinit { for (_, mapping) in mappings { munmap(mapping.base, mapping.mapped) } }

  /// The bytes at `now`, as far from the start of a tensor as they are said to be.
  func place(for now: UnsafeMutableRawPointer, bytes: Int, distance at: Int) throws -> UnsafeMutableRawPointer
  {
    if mappings[now] == nil {
      // Room on both sides, which has cases of its own.
      let at = at + 1 << 16
      let mapped = at + bytes + 1 << 16
      let base = mmap(
        nil, mapped, PROT_READ | PROT_WRITE,
        Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS) | Int32(MAP_NORESERVE), -1, 0)
      guard let base, base != UnsafeMutableRawPointer(bitPattern: -1) else {
        throw Verdict.skipped("the system has no \(mapped >> 30) GiB of address space to give")
      }
      mappings[now] = (base, mapped, bytes, at)
    }
    guard let mapping = mappings[now] else { return now }
    let place = mapping.base + mapping.at
    place.copyMemory(from: now, byteCount: bytes)
    return place
  }

  func copyBack() {
    for (address, mapping) in mappings {
      address.copyMemory(from: mapping.base + mapping.at, byteCount: mapping.bytes)
    }
  }
}
