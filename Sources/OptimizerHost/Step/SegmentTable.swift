// One node's segments for every cut of a work list, made when the work is cut and patched on each step.

import COptPlug

/// What a node sees of the cuts: a segment for each whose parameter it sees.
final class SegmentTable {
  let segments: UnsafeMutablePointer<optplug_segment>
  let node: Node
  private let table: ParameterTable
  private let slotPointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  /// Per segment, where it comes from.
  private let origins: UnsafeMutablePointer<Origin>
  /// Per cut and one more, how many segments come before it; nil where every cut has its segment.
  private let firstSegments: UnsafeMutablePointer<Int>?
  /// Per parameter, the node's own slots that do not start at zero, with their places in `segment.slots`.
  private let initialized: [[(place: Int, slot: SlotRecord)]]

  private struct Origin {
    /// In the whole table.
    let parameter: Int
    /// Elements before it in its batch.
    let place: Int
  }

  init(_ node: Node, _ table: ParameterTable, _ work: WorkList) {
    self.node = node
    self.table = table
    initialized = zip(node.slots, node.ownSlots).map { slots, own in
      slots.enumerated().compactMap { place, slot in
        !slot.startsAtZero && own.contains { $0 === slot } ? (place, slot) : nil
      }
    }
    let capacity = max(1, work.mostCuts)
    segments = .allocate(capacity: capacity)
    origins = .allocate(capacity: capacity)
    let seesAll = node.view.indices.count == table.parameters.count
    firstSegments = seesAll ? nil : .allocate(capacity: capacity + 1)
    slotPointers = .allocate(capacity: max(1, work.mostCuts * (node.slots.map(\.count).max() ?? 0)))
  }

  deinit {
    segments.deallocate()
    origins.deallocate()
    firstSegments?.deallocate()
    slotPointers.deallocate()
  }

  /// Makes the segments of all cuts, without gradients. Allocates nothing.
  func fill(_ work: WorkList) {
    var pointers = slotPointers
    var made = 0
    for (i, cut) in work.cuts.enumerated() {
      firstSegments?[i] = made
      guard node.view.contains(cut.parameter) else { continue }
      let parameter = table.parameters[cut.parameter]
      var slotCount = 0
      for slot in node.slots[cut.parameter] {
        (pointers + slotCount).initialize(to: slot.memory.map { $0 + slot.offset(at: cut.offset) })
        slotCount += 1
      }
      (segments + made).initialize(
        to: optplug_segment(
          parameter: parameter.values + cut.offset * parameter.dtype.size, gradient: nil,
          slots: slotCount == 0 ? nil : UnsafePointer(pointers), offset: Int64(cut.offset),
          count: Int64(cut.count), parameter_step: 0,
          parameter_index: UInt32(node.view.number(of: cut.parameter)),
          group_index: UInt32(parameter.group), base_gradient: nil))
      (origins + made).initialize(to: Origin(parameter: cut.parameter, place: cut.place))
      pointers += slotCount
      made += 1
    }
    firstSegments?[work.cuts.count] = made
  }

  /// The segments of a batch.
  @inline(__always)
  func range(_ batch: WorkList.Batch) -> Range<Int> {
    guard let firstSegments else { return batch.cuts }
    return firstSegments[batch.cuts.lowerBound]..<firstSegments[batch.cuts.upperBound]
  }

  /// The elements of a batch's segments.
  @inline(__always)
  func elements(_ batch: WorkList.Batch) -> Int {
    firstSegments == nil ? batch.elements : range(batch).reduce(0) { $0 + Int(segments[$1].count) }
  }

  /// Points a batch's segments at the gradients, or at none, and writes the parameters' steps into them.
  /// - Parameters:
  ///   - gradients: per parameter, the trainer's; nil when no segment shall show one.
  ///   - prepared: the batch's gradients, one after another, to be shown instead of the trainer's.
  ///   - changed: room for the gradients that the node gives its bases.
  @inline(__always)
  func patch(
    _ batch: WorkList.Batch, _ gradients: UnsafePointer<UnsafeRawPointer?>?,
    prepared: UnsafeMutableRawPointer?,
    changed: UnsafeMutableRawPointer?
  ) {
    let steps = node.parameterSteps
    let size = batch.dtype.size
    for i in range(batch) {
      let origin = origins[i]
      segments[i].parameter_step = steps[origin.parameter]
      let own = gradients?[origin.parameter]
      if prepared == nil, changed == nil {
        segments[i].gradient = own.map { $0 + Int(segments[i].offset) * size }
        continue
      }
      let offset = origin.place * size
      segments[i].gradient = own.map { own in
        prepared.map { UnsafeRawPointer($0 + offset) } ?? own + Int(segments[i].offset) * size
      }
      segments[i].base_gradient = own == nil ? nil : changed.map { $0 + offset }
    }
  }

  /// Points a batch's segments at gradients that are not in one place for all parameters.
  /// - Parameter prepared: the batch's gradients for a parameter, one after another; nil for the trainer's.
  func redirect(
    _ batch: WorkList.Batch, _ gradients: UnsafePointer<UnsafeRawPointer?>,
    prepared: (Int) -> UnsafeMutableRawPointer?
  ) {
    let size = batch.dtype.size
    for i in range(batch) {
      let origin = origins[i]
      segments[i].gradient = gradients[origin.parameter].map { own in
        prepared(origin.parameter).map { UnsafeRawPointer($0 + origin.place * size) }
          ?? own + Int(segments[i].offset) * size
      }
    }
  }

  /// Gives a batch's part of the node's own slots its initial values. Before that all are zero.
  func initializeSlots(_ batch: WorkList.Batch) {
    for i in range(batch) {
      let segment = segments[i]
      for (place, slot) in initialized[origins[i].parameter] {
        guard let memory = segment.slots[place], let values = segment.parameter else { continue }
        slot.reset(memory, from: values, elements: Int(segment.count))
      }
    }
  }

  /// The place of a segment's parameter in the node's view.
  @inline(__always)
  func number(_ segment: Int) -> Int { Int(segments[segment].parameter_index) }

  /// Segments as a frame shows them.
  @inline(__always)
  func span(_ range: Range<Int>) -> optplug_span {
    optplug_span(
      data: segments + range.lowerBound, count: UInt32(range.count),
      stride: UInt32(MemoryLayout<optplug_segment>.stride))
  }
}
