// One node's segments for every cut of a work list, made when the work is cut and patched on each step.

import COptPlug

/// What a node sees of each cut.
final class SegmentTable {
  let segments: UnsafeMutablePointer<optplug_segment>
  private let slotPointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let node: Node
  private let table: ParameterTable
  /// Per parameter, the node's own slots that do not start at zero, with their places in `segment.slots`.
  private let started: [[(place: Int, slot: SlotRecord)]]

  init(_ node: Node, _ table: ParameterTable, _ work: WorkList) {
    self.node = node
    self.table = table
    started = zip(node.slots, node.ownSlots).map { slots, own in
      slots.enumerated().compactMap { place, slot in
        !slot.startsAtZero && own.contains { $0 === slot } ? (place, slot) : nil
      }
    }
    segments = .allocate(capacity: max(1, work.mostCuts))
    slotPointers = .allocate(capacity: max(1, work.mostCuts * (node.slots.map(\.count).max() ?? 0)))
  }

  deinit {
    segments.deallocate()
    slotPointers.deallocate()
  }

  /// Makes the segments of all cuts, without gradients. Allocates nothing.
  func fill(_ work: WorkList) {
    var pointers = slotPointers
    for (i, cut) in work.cuts.enumerated() {
      let parameter = table.parameters[cut.parameter]
      var slotCount = 0
      for slot in node.slots[cut.parameter] {
        let offset = slot.isAsParameter ? cut.offset * slot.dtype.size : 0
        (pointers + slotCount).initialize(to: slot.memory.map { $0 + offset })
        slotCount += 1
      }
      (segments + i).initialize(
        to: optplug_segment(
          parameter: parameter.values + cut.offset * parameter.dtype.size, gradient: nil,
          slots: slotCount == 0 ? nil : UnsafePointer(pointers), offset: Int64(cut.offset),
          count: Int64(cut.count),
          parameter_step: 0, parameter_index: UInt32(cut.parameter), group_index: UInt32(parameter.group)))
      pointers += slotCount
    }
  }

  /// Points a batch's segments at the gradients, or at none, and writes the parameters' steps into them.
  @inline(__always)
  func patch(_ batch: WorkList.Batch, _ gradients: UnsafePointer<UnsafeRawPointer?>?) {
    let steps = node.parameterSteps
    let size = batch.dtype.size
    for i in batch.cuts {
      let parameter = Int(segments[i].parameter_index)
      segments[i].parameter_step = steps[parameter]
      segments[i].gradient = gradients?[parameter].map { $0 + Int(segments[i].offset) * size }
    }
  }

  /// Gives a batch's part of the node's own slots its initial values. Before that all are zero.
  func start(_ batch: WorkList.Batch) {
    for i in batch.cuts {
      let segment = segments[i]
      for (place, slot) in started[Int(segment.parameter_index)] {
        guard let memory = segment.slots[place], let values = segment.parameter else { continue }
        // A slot with a shape of its own comes whole, with the only cut of its parameter.
        slot.reset(memory, from: values, count: slot.isAsParameter ? Int(segment.count) : slot.count)
      }
    }
  }

  /// The segments of a batch as a frame shows them.
  @inline(__always)
  func span(_ cuts: Range<Int>) -> optplug_span {
    optplug_span(
      data: segments + cuts.lowerBound, count: UInt32(cuts.count),
      stride: UInt32(MemoryLayout<optplug_segment>.stride))
  }
}
