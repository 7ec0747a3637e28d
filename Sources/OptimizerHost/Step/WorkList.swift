// Cuts the parameters into pieces and gathers them into batches, one call of `step` each.

/// How a step's work is cut. Depends only on shapes, on the granularity and on which parameters have gradients.
struct WorkList {
  /// A contiguous piece of one parameter.
  struct Cut {
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

  /// - Parameters:
  ///   - hasGradient: per parameter.
  ///   - pieceElements: how many elements a piece should have where the granularity lets it be cut.
  init(_ parameters: [Parameter], hasGradient: [Bool], granularity: Granularity, pieceElements: Int) {
    // One call's segments have one type; those without a gradient travel apart, since most optimizers skip them.
    let kinds = parameters.indices.map { Kind(parameters[$0], hasGradient[$0], granularity) }
    let order = parameters.indices.sorted { (kinds[$0], $0) < (kinds[$1], $1) }
    let pieceLength = Self.pieceLength(granularity, pieceElements)
    var start = 0
    var elements = 0
    var kind: Kind?
    func close(_ list: inout WorkList) {
      guard let kind, list.cuts.count > start else { return }
      list.batches.append(
        Batch(
          cuts: start..<list.cuts.count, dtype: kind.dtype, hasGradients: kind.hasGradient, elements: elements
        ))
      start = list.cuts.count
      elements = 0
    }
    for parameter in order {
      if kinds[parameter] != kind {
        close(&self)
        kind = kinds[parameter]
      }
      let total = parameters[parameter].count
      var offset = 0
      while offset < total {
        let count = min(pieceLength ?? total, total - offset)
        if granularity < .group, elements > 0, elements + count > pieceElements { close(&self) }
        cuts.append(Cut(parameter: parameter, offset: offset, count: count))
        elements += count
        offset += count
      }
    }
    close(&self)
  }

  /// Elements of a piece, or nil for whole tensors.
  private static func pieceLength(_ granularity: Granularity, _ pieceElements: Int) -> Int? {
    switch granularity {
    case .element: max(1, pieceElements)
    case .block(let length): max(1, pieceElements / length) * length
    case .tensor, .group, .model: nil
    }
  }

  /// What the cuts of one batch have in common.
  private struct Kind: Comparable {
    let dtype: DType
    let hasGradient: Bool
    /// Distinct where a call may not hold more than one group.
    let group: Int

    init(_ parameter: Parameter, _ hasGradient: Bool, _ granularity: Granularity) {
      dtype = parameter.dtype
      self.hasGradient = hasGradient
      group = granularity == .group ? parameter.group : 0
    }

    static func < (a: Kind, b: Kind) -> Bool {
      (a.hasGradient ? 0 : 1, a.dtype.rawValue, a.group) < (b.hasGradient ? 0 : 1, b.dtype.rawValue, b.group)
    }
  }
}
