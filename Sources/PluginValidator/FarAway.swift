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
      throw Verdict.skipped("it takes tensors whole, and one of 2^31 elements is more than a test should take")
    }
    let near = try farSnapshot(subject, offset: 0, block)
    // An optimizer may count by elements, as for random numbers. Then other places give other bits.
    let isByPlace = try farSnapshot(subject, offset: max(block, 1 << 16) / block * block, block).bytes != near.bytes
    for offset in [1 << 31, 1 << 32] {
      let far = try farSnapshot(subject, offset: (offset + block - 1) / block * block - block, block)
      if !isByPlace, far.bytes != near.bytes {
        throw Verdict.failed("elements from number \(offset - block) on are not updated as those at the start are")
      }
    }
  }

  /// The parameter after some steps with its elements at `offset` of a tensor of over 2^32.
  private static func farSnapshot(_ subject: Subject, offset: Int, _ block: Int) throws -> NamedTensor {
    let training = try Training(subject, TrainingOptions(shapes: [("w", [max(300, 2 * block)])]))
    let editor = try FrameEditor(subject, training)
    let whole: Int64 = 1 << 33
    let shape = UnsafeMutablePointer<Int64>.allocate(capacity: 1)
    defer { shape.deallocate() }
    shape.pointee = whole
    let space = SparseSpace()
    editor.copy.editParameter = { parameter in
      parameter.count = whole
      parameter.ndim = 1
      parameter.shape = UnsafePointer(shape)
    }
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
        distance = view.map { $0.elementsPerElement == 0 ? 0 : offset / $0.elementsPerElement * $0.dtype.size } ?? 0
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
  private var mappings: [UnsafeMutableRawPointer: (base: UnsafeMutableRawPointer, mapped: Int, bytes: Int, at: Int)] =
    [:]

  deinit { for (_, mapping) in mappings { munmap(mapping.base, mapping.mapped) } }

  /// The bytes at `now`, as far from the start of a tensor as they are said to be.
  func place(for now: UnsafeMutableRawPointer, bytes: Int, distance at: Int) throws -> UnsafeMutableRawPointer {
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
