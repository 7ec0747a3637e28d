// One node's segments for every cut of a work list, made once and patched on each step.

import COptPlug

/// What a node sees of each cut.
final class SegmentTable {
  let segments: UnsafeMutablePointer<optplug_segment>
  let count: Int
  private let slotPointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  init(_ node: Node, _ table: ParameterTable, _ work: WorkList) {
    count = work.cuts.count
    segments = .allocate(capacity: max(1, count))
    slotPointers = .allocate(capacity: max(1, work.cuts.reduce(0) { $0 + node.slots[$1.parameter].count }))
    var pointers = slotPointers
    for (i, cut) in work.cuts.enumerated() {
      let parameter = table.parameters[cut.parameter]
      let slots = node.slots[cut.parameter]
      for (j, slot) in slots.enumerated() {
        let offset = slot.isAsParameter ? cut.offset * slot.dtype.size : 0
        (pointers + j).initialize(to: slot.memory.map { $0 + offset })
      }
      (segments + i).initialize(
        to: optplug_segment(
          parameter: parameter.values + cut.offset * parameter.dtype.size, gradient: nil,
          slots: slots.isEmpty ? nil : UnsafePointer(pointers), offset: Int64(cut.offset),
          count: Int64(cut.count),
          parameter_step: 0, parameter_index: UInt32(cut.parameter), group_index: UInt32(parameter.group)))
      pointers += slots.count
    }
  }

  deinit {
    segments.deallocate()
    slotPointers.deallocate()
  }

  /// The segments of a batch as a frame shows them.
  func span(_ cuts: Range<Int>) -> optplug_span {
    optplug_span(
      data: segments + cuts.lowerBound, count: UInt32(cuts.count),
      stride: UInt32(MemoryLayout<optplug_segment>.stride))
  }
}
