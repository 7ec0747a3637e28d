// Cuts the parameters into pieces and gathers them into batches, one call of `step` each.

/// How a step's work is cut. Depends only on shapes, on the granularities, on which parameters have gradients, and on
/// which of them continue their predecessor in memory.
struct WorkList {
  /// A contiguous piece of one parameter, or of several that lie side by side.
  struct Cut {
    /// Where it begins.
    let parameter: Int
    let offset: Int
    let count: Int
    /// Elements before it in its batch.
    let place: Int
  }

  /// Consecutive cuts that one call gets.
  struct Batch {
    let cuts: Range<Int>
    let dtype: DType
    let hasGradients: Bool
    /// Over all cuts.
    let elements: Int
  }

  private(set) var cuts: [Cut] = []
  private(set) var batches: [Batch] = []
  /// Over all batches.
  private(set) var elements = 0

  /// Parameters with at least one element, as they are stepped: those of one kind side by side.
  let order: [Int]
  /// How many cuts there may be at most, and how long the longest batch may be.
  let mostCuts: Int
  let mostElementsOfBatch: Int

  /// Per parameter.
  private let counts: [Int]
  private let kinds: [Kind]
  private let pieceElements: Int

  /// - Parameters:
  ///   - order: that of `layoutOrder`.
  ///   - granularities: per parameter.
  ///   - pieceElements: how many elements a piece should have where the granularity lets it be cut.
  init(_ parameters: [Parameter], order: [Int], granularities: [Granularity], pieceElements: Int) {
    let counts = parameters.map(\.count)
    let pieceElements = max(1, pieceElements)
    let kinds = zip(parameters, granularities).map { Kind($0, $1, pieceElements: pieceElements) }
    self.counts = counts
    self.kinds = kinds
    self.pieceElements = pieceElements
    let filled = order.filter { counts[$0] > 0 }
    // Mostly all are cut alike; then this changes nothing.
    let lengths = Set(kinds.map(\.granularity)).sorted()
    self.order = lengths.flatMap { length in filled.filter { kinds[$0].granularity == length } }
    mostCuts = zip(counts, kinds).reduce(0) { sum, next in
      let length = next.1.pieceLength ?? .max
      return sum + next.0 / length + (next.0 % length == 0 ? 0 : 1)
    }
    let total = counts.reduce(0, +)
    let longest = zip(counts, kinds).map { min($0, $1.pieceLength ?? .max) }.max() ?? 0
    mostElementsOfBatch =
      granularities.contains { $0 >= .group } ? total : min(total, max(pieceElements, longest))
    cuts.reserveCapacity(mostCuts)
    batches.reserveCapacity(mostCuts)
  }

  /// Cuts anew. Allocates nothing.
  /// - Parameters:
  ///   - hasGradient: per parameter. Those without one travel apart, since most optimizers skip them.
  ///   - isJoined: per parameter, whether it continues its predecessor in `order`, so that both are cut as one.
  ///     Both must have a gradient or neither; needs the granularity `.element`.
  mutating func cut(hasGradient: (Int) -> Bool, isJoined: [Bool]) {
    cuts.removeAll(keepingCapacity: true)
    batches.removeAll(keepingCapacity: true)
    elements = 0
    for present in [true, false] {
      var batch = OpenBatch()
      var place = 0
      while place < order.count {
        let first = place
        place += 1
        guard hasGradient(order[first]) == present else { continue }
        // Joined parameters are of one kind, so that they lie side by side in the order.
        while place < order.count, isJoined[order[place]] { place += 1 }
        if let kind = batch.kind, kind != kinds[order[first]] { close(&batch, present) }
        batch.kind = kinds[order[first]]
        cut(first..<place, into: &batch, present)
      }
      close(&batch, present)
    }
  }

  /// A batch that may grow.
  private struct OpenBatch {
    var kind: Kind?
    var start: Int?
    var elements = 0
  }

  private mutating func close(_ batch: inout OpenBatch, _ hasGradients: Bool) {
    if let start = batch.start, let kind = batch.kind {
      batches.append(
        Batch(
          cuts: start..<cuts.count, dtype: kind.dtype, hasGradients: hasGradients, elements: batch.elements))
      elements += batch.elements
    }
    batch = OpenBatch(kind: batch.kind)
  }

  /// Cuts the joined parameters at `places` of the order.
  private mutating func cut(_ places: Range<Int>, into batch: inout OpenBatch, _ hasGradients: Bool) {
    let kind = kinds[order[places.lowerBound]]
    var left = places.reduce(0) { $0 + counts[order[$1]] }
    var place = places.lowerBound
    var offset = 0
    while left > 0 {
      let count = min(kind.pieceLength ?? left, left)
      if kind.granularity < .group, batch.elements > 0, count > pieceElements - batch.elements {
        close(&batch, hasGradients)
      }
      batch.start = batch.start ?? cuts.count
      cuts.append(Cut(parameter: order[place], offset: offset, count: count, place: batch.elements))
      batch.elements += count
      left -= count
      offset += count
      while left > 0, offset >= counts[order[place]] {
        offset -= counts[order[place]]
        place += 1
      }
    }
  }

  /// What the cuts of one batch have in common beside having gradients: one call's segments have one type.
  private struct Kind: Equatable {
    let dtype: DType
    let granularity: Granularity
    /// Distinct where a call may not hold more than one group.
    let group: Int
    /// Elements of a piece, or nil for whole tensors.
    let pieceLength: Int?

    init(_ parameter: Parameter, _ granularity: Granularity, pieceElements: Int) {
      dtype = parameter.dtype
      self.granularity = granularity
      group = granularity == .group ? parameter.group : 0
      pieceLength =
        switch granularity {
        case .element: pieceElements
        case .block(let length): max(1, pieceElements / length) * length
        case .tensor, .group, .model: nil
        }
    }
  }
}
