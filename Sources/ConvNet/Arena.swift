// One block of memory for all activations of a network, shared by tensors whose lifetimes do not meet.

/// The bytes a tensor needs and the operations between which it has to keep them (both included).
struct Lifetime: Equatable {
  var byteCount: Int
  var first: Int
  var last: Int

  func meets(_ other: Lifetime) -> Bool {
    first <= other.last && other.first <= last
  }
}

/// Assigns offsets so that tensors alive at the same time never share a byte.
///
/// Greedy by size (Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural Net Inference",
/// https://arxiv.org/abs/2001.03288, algorithm 3): the largest tensor first, each at the lowest offset that
/// is free throughout its life.
func planOffsets(_ lifetimes: [Lifetime]) -> (offsets: [Int], byteCount: Int) {
  let order = lifetimes.indices.sorted {
    // The index breaks ties, so the same program always gets the same plan.
    (lifetimes[$1].byteCount, $0) < (lifetimes[$0].byteCount, $1)
  }
  var offsets = [Int](repeating: 0, count: lifetimes.count)
  var placed: [Int] = []  // sorted by offset
  var total = 0
  for index in order {
    let size = AlignedMemory.roundUp(lifetimes[index].byteCount)
    var offset = 0
    for other in placed where lifetimes[other].meets(lifetimes[index]) {
      if offset + size <= offsets[other] { break }
      offset = max(offset, offsets[other] + AlignedMemory.roundUp(lifetimes[other].byteCount))
    }
    offsets[index] = offset
    total = max(total, offset + size)
    let position = placed.firstIndex { offsets[$0] > offset } ?? placed.endIndex
    placed.insert(index, at: position)
  }
  return (offsets, total)
}

/// The block itself. It grows when a plan needs more; programs notice by `generation` and bind again.
///
/// Nothing in it outlives a step, so programs for different batch counts share one arena.
final class Arena {
  private var memory: AlignedMemory
  private(set) var generation = 0

  init() throws { memory = try AlignedMemory(byteCount: 0, purpose: "activations") }

  var base: UnsafeMutableRawPointer { memory.base }
  var byteCount: Int { memory.byteCount }

  func reserve(_ byteCount: Int) throws {
    guard byteCount > memory.byteCount else { return }
    memory = try AlignedMemory(byteCount: byteCount, purpose: "activations")
    generation += 1
  }
}
