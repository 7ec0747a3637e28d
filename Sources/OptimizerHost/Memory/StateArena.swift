// The memory of all state slots of a tree.

import COptPlug

/// One block for all slots, each at a multiple of 64 bytes.
final class StateArena {
  /// Bytes of all slots.
  let byteCount: Int
  private let memory: AlignedMemory

  /// Places every slot of `nodes`, slot by slot over all parameters, so that neighbours among parameters are
  /// neighbours in each stream of state. All memory holds zeros; initial values come at first use.
  /// - Throws: `OptimizerError.parameters` when there is not enough memory.
  init(_ nodes: [Node], _ table: ParameterTable) throws {
    var placements: [(slot: SlotRecord, offset: Int)] = []
    var total = 0
    for node in nodes {
      for place in 0..<(node.ownSlots.map(\.count).max() ?? 0) {
        total = Self.apart(from: total)
        for i in table.order where place < node.ownSlots[i].count {
          guard total < 1 << 56 else { throw Self.tooLarge(total) }
          let slot = node.ownSlots[i][place]
          placements.append((slot, total))
          total += AlignedMemory.roundUp(slot.byteCount)
        }
      }
    }
    for slot in nodes.flatMap(\.plan.modelSlots) {
      guard total < 1 << 56 else { throw Self.tooLarge(total) }
      placements.append((slot, total))
      total += AlignedMemory.roundUp(slot.byteCount)
    }
    byteCount = placements.reduce(0) { $0 + $1.slot.byteCount }
    guard let memory = AlignedMemory(byteCount: total) else { throw Self.tooLarge(byteCount) }
    self.memory = memory
    for (slot, offset) in placements { slot.place(at: memory.base + offset) }
  }

  /// Where a stream may begin after one that ends at `offset`. Streams at a distance of a large power of two get in
  /// each other's way, in the cache's prediction of ways and in the banks of memory: from 2^28 bytes on a step took
  /// twice as long. So large ones keep clear by a huge page of which no byte is ever touched.
  private static func apart(from offset: Int) -> Int {
    offset < AlignedMemory.hugePage ? offset : offset + AlignedMemory.hugePage
  }

  private static func tooLarge(_ bytes: Int) -> OptimizerError {
    .parameters("no memory for \(bytes >> 20) MiB of optimizer state; use a smaller model")
  }
}
