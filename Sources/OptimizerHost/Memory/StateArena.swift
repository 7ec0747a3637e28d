// The memory of all state slots of a tree.

import COptPlug

/// One block for all slots, each at a multiple of 64 bytes.
final class StateArena {
  let byteCount: Int
  private let memory: AlignedMemory

  /// Places every slot of `nodes`, slot by slot over all parameters, so that neighbours among parameters are
  /// neighbours in each stream of state.
  /// - Throws: `OptimizerError.parameters` when there is not enough memory.
  init(_ nodes: [Node], _ table: ParameterTable) throws {
    var placements: [(slot: SlotRecord, parameter: Parameter, offset: Int)] = []
    var total = 0
    for node in nodes {
      for place in 0..<(node.ownSlots.map(\.count).max() ?? 0) {
        for i in table.order where place < node.ownSlots[i].count {
          guard total < 1 << 56 else { throw Self.tooLarge(total) }
          let slot = node.ownSlots[i][place]
          placements.append((slot, table.parameters[i], total))
          total += AlignedMemory.roundUp(slot.byteCount)
        }
      }
    }
    guard let memory = AlignedMemory(byteCount: total) else { throw Self.tooLarge(total) }
    byteCount = total
    self.memory = memory
    for (slot, parameter, offset) in placements {
      slot.place(at: memory.base + offset, parameter: parameter)
    }
  }

  private static func tooLarge(_ bytes: Int) -> OptimizerError {
    .parameters("no memory for \(bytes >> 20) MiB of optimizer state; use a smaller model")
  }
}
