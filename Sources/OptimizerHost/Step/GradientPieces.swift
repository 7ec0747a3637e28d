// One worker's gradients that are not the trainer's own: converted, scaled, or changed by a wrapper.

/// Room for a batch's gradients in the forms that the nodes of a tree need, one after another in the order of the cuts.
final class GradientPieces {
  /// Which gradients a node sees.
  private enum Source: Equatable {
    /// The trainer's, with the scale beside them.
    case trainer
    /// The trainer's, multiplied by the scale.
    case scaled
    /// Those of the wrapper at a place among the nodes.
    case changed(by: Int)
  }

  /// Per node.
  private let sources: [Source]
  /// Whether any node sees or makes other gradients than the trainer's, whatever the scale.
  let areNeeded: Bool
  /// 16-bit gradients as 32-bit floats.
  private let converted: AlignedMemory?
  private let scaled: AlignedMemory?
  /// Per node, what it gives its bases.
  private let changed: [AlignedMemory?]
  private let table: ParameterTable

  init(_ nodes: [Node], _ table: ParameterTable, _ work: WorkList) throws {
    self.table = table
    let bytes = work.mostElementsOfBatch * (table.parameters.map(\.dtype.size).max() ?? 4)
    sources = Self.sources(nodes)
    func room(_ isNeeded: Bool) throws -> AlignedMemory? {
      guard isNeeded else { return nil }
      guard let memory = AlignedMemory(byteCount: bytes) else {
        throw OptimizerError.parameters("no memory for \(bytes >> 20) MiB of gradients; use a smaller model")
      }
      return memory
    }
    converted = try room(table.masters != nil)
    scaled = try room(sources.contains(.scaled))
    changed = try nodes.map { try room($0.changesGradient) }
    areNeeded = converted != nil || changed.contains { $0 != nil }
  }

  /// Whether a node sees the trainer's gradients, with the scale beside them.
  func showsTrainers(_ node: Int) -> Bool { sources[node] == .trainer }

  private static func sources(_ nodes: [Node]) -> [Source] {
    var sources: [Source] = nodes.map { $0.scalesGradient ? .trainer : .scaled }
    // Wrappers come before their bases, so the nearest one is written last.
    for (place, node) in nodes.enumerated() where node.changesGradient {
      let below = node.subtree.dropFirst()
      for (i, other) in nodes.enumerated() where below.contains(where: { $0 === other }) {
        sources[i] = .changed(by: place)
      }
    }
    return sources
  }

  /// Converts and scales a batch's gradients where the tree needs it.
  /// - Parameter gradients: per parameter, the trainer's.
  func prepare(
    _ batch: WorkList.Batch, _ cuts: [WorkList.Cut], _ gradients: UnsafePointer<UnsafeRawPointer?>,
    scale: Double
  ) {
    if let converted, let masters = table.masters, batch.dtype == .float32 {
      for i in batch.cuts {
        let cut = cuts[i]
        guard let gradient = gradients[cut.parameter] else { continue }
        let target = (converted.base + cut.place * 4).assumingMemoryBound(to: Float.self)
        if let original = masters.original(of: cut.parameter) {
          original.dtype.widen(gradient + cut.offset * 2, to: target, count: cut.count)
        } else {
          target.update(
            from: gradient.assumingMemoryBound(to: Float.self) + cut.offset, count: cut.count)
        }
      }
    }
    guard let scaled, scale != 1 else { return }
    let size = batch.dtype.size
    for i in batch.cuts {
      let cut = cuts[i]
      guard let gradient = gradients[cut.parameter] else { continue }
      let source =
        base(batch).map { UnsafeRawPointer($0 + cut.place * size) } ?? gradient + cut.offset * size
      if batch.dtype == .float64 {
        multiply(source, scaled.base + cut.place * size, count: cut.count, by: scale)
      } else {
        multiply(source, scaled.base + cut.place * size, count: cut.count, by: Float(scale))
      }
    }
  }

  /// A batch's gradients without the scale, where they are not the trainer's own.
  private func base(_ batch: WorkList.Batch) -> UnsafeMutableRawPointer? {
    batch.dtype == .float32 ? converted?.base : nil
  }

  /// The gradients that a node sees of a batch; nil for the trainer's own.
  @inline(__always)
  func shown(_ node: Int, _ batch: WorkList.Batch, scale: Double) -> UnsafeMutableRawPointer? {
    switch sources[node] {
    case .trainer: base(batch)
    case .scaled: scale == 1 ? base(batch) : scaled?.base
    case .changed(let wrapper): changed[wrapper]?.base
    }
  }

  /// Where a node leaves the gradients for its bases; nil when it changes none.
  @inline(__always)
  func changed(_ node: Int) -> UnsafeMutableRawPointer? { changed[node]?.base }
}

/// Multiplies, each product rounded once to the gradients' type.
private func multiply<T: FloatingPoint>(
  _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, count: Int, by scale: T
) {
  let source = source.assumingMemoryBound(to: T.self)
  let target = target.assumingMemoryBound(to: T.self)
  for i in 0..<count { target[i] = source[i] * scale }
}
