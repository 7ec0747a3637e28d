// Cuts the parameters into pieces and gathers them into batches, one call of `step` each.

/// How a step's work is cut. Depends only on shapes, on the granularity, on which parameters have gradients, and on
/// which of them continue their predecessor in memory.
struct WorkList {
  /// A contiguous piece of one parameter, or of several that lie side by side.
  struct Cut {
    /// Where it begins.
    let parameter: Int
    let offset: Int
    let count: Int
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

  /// Parameters with at least one element, as they are stepped.
  let order: [Int]
  /// How many cuts there may be at most, and how long the longest batch may be.
  let mostCuts: Int
  let mostElementsOfBatch: Int

  /// Per parameter.
  private let counts: [Int]
  private let kinds: [Kind]
  private let granularity: Granularity
  private let pieceElements: Int
  private let pieceLength: Int?

  /// - Parameters:
  ///   - order: that of `layoutOrder`.
  ///   - pieceElements: how many elements a piece should have where the granularity lets it be cut.
  init(_ parameters: [Parameter], order: [Int], granularity: Granularity, pieceElements: Int) {
    let counts = parameters.map(\.count)
    self.counts = counts
    kinds = parameters.map { Kind($0, granularity) }
    self.order = order.filter { counts[$0] > 0 }
    self.granularity = granularity
    self.pieceElements = max(1, pieceElements)
    pieceLength = Self.pieceLength(granularity, self.pieceElements)
    let length = pieceLength ?? .max
    mostCuts = counts.reduce(0) { $0 + $1 / length + ($1 % length == 0 ? 0 : 1) }
    let total = counts.reduce(0, +)
    mostElementsOfBatch =
      granularity < .group
      ? min(total, max(self.pieceElements, counts.map { min($0, length) }.max() ?? 0)) : total
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
    var left = places.reduce(0) { $0 + counts[order[$1]] }
    var place = places.lowerBound
    var offset = 0
    while left > 0 {
      let count = min(pieceLength ?? left, left)
      if granularity < .group, batch.elements > 0, count > pieceElements - batch.elements {
        close(&batch, hasGradients)
      }
      batch.start = batch.start ?? cuts.count
      batch.elements += count
      cuts.append(Cut(parameter: order[place], offset: offset, count: count))
      left -= count
      offset += count
      while left > 0, offset >= counts[order[place]] {
        offset -= counts[order[place]]
        place += 1
      }
    }
  }

  /// Elements of a piece, or nil for whole tensors.
  private static func pieceLength(_ granularity: Granularity, _ pieceElements: Int) -> Int? {
    switch granularity {
    case .element: pieceElements
    case .block(let length): max(1, pieceElements / length) * length
    case .tensor, .group, .model: nil
    }
  }

  /// What the cuts of one batch have in common beside having gradients: one call's segments have one type.
  private struct Kind: Equatable {
    let dtype: DType
    /// Distinct where a call may not hold more than one group.
    let group: Int

    init(_ parameter: Parameter, _ granularity: Granularity) {
      dtype = parameter.dtype
      group = granularity == .group ? parameter.group : 0
    }
  }
}
