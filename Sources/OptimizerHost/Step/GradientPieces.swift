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
  /// Per node, and there per parameter, where wrappers that change gradients hand parameters past themselves; else nil.
  private let detours: [[Source]?]
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
    let changers = Self.changers(nodes)
    sources = zip(nodes, changers).map { node, changers in
      changers.first.map { .changed(by: $0) } ?? (node.scalesGradient ? .trainer : .scaled)
    }
    detours = zip(nodes, changers).map { node, changers in
      guard let nearest = changers.first,
        !node.view.indices.allSatisfy({ nodes[nearest].view.contains($0) })
      else { return nil }
      return table.parameters.indices.map { parameter in
        // Below a wrapper that changes gradients nothing scales any more.
        changers.first { nodes[$0].view.contains(parameter) }.map { .changed(by: $0) } ?? .scaled
      }
    }
    func room(_ isNeeded: Bool) throws -> AlignedMemory? {
      guard isNeeded else { return nil }
      guard let memory = AlignedMemory(byteCount: bytes) else {
        throw OptimizerError.parameters("no memory for \(bytes >> 20) MiB of gradients; use a smaller model")
      }
      return memory
    }
    converted = try room(table.masters != nil)
    scaled = try room((sources + detours.flatMap { $0 ?? [] }).contains(.scaled))
    changed = try nodes.map { try room($0.changesGradient) }
    areNeeded = converted != nil || changed.contains { $0 != nil }
  }

  /// Whether a node sees the trainer's gradients, with the scale beside them.
  func showsTrainers(_ node: Int) -> Bool { sources[node] == .trainer }

  /// Per node, the places of the wrappers above it that change gradients, the nearest first.
  private static func changers(_ nodes: [Node]) -> [[Int]] {
    var changers: [[Int]] = Array(repeating: [], count: nodes.count)
    // Wrappers come before their bases, so the nearest one is the last.
    for (place, node) in nodes.enumerated() where node.changesGradient {
      let below = node.subtree.dropFirst()
      for (i, other) in nodes.enumerated() where below.contains(where: { $0 === other }) {
        changers[i].insert(place, at: 0)
      }
    }
    return changers
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
        unscaled(batch).map { UnsafeRawPointer($0 + cut.place * size) } ?? gradient + cut.offset * size
      if batch.dtype == .float64 {
        multiply(source, scaled.base + cut.place * size, count: cut.count, by: scale)
      } else {
        multiply(source, scaled.base + cut.place * size, count: cut.count, by: Float(scale))
      }
    }
  }

  /// A batch's gradients without the scale, where they are not the trainer's own.
  private func unscaled(_ batch: WorkList.Batch) -> UnsafeMutableRawPointer? {
    batch.dtype == .float32 ? converted?.base : nil
  }

  /// The gradients that a node sees of a batch; nil for the trainer's own.
  @inline(__always)
  func shown(_ node: Int, _ batch: WorkList.Batch, scale: Double) -> UnsafeMutableRawPointer? {
    memory(sources[node], batch, scale: scale)
  }

  /// Whether `shown` does not hold for all parameters that a node sees, so that `shown(_:_:_:scale:)` has to be asked.
  @inline(__always)
  func hasDetours(_ node: Int) -> Bool { detours[node] != nil }

  /// The gradients that a node sees of a batch, for one parameter.
  func shown(_ node: Int, _ parameter: Int, _ batch: WorkList.Batch, scale: Double)
    -> UnsafeMutableRawPointer?
  {
    memory(detours[node]?[parameter] ?? sources[node], batch, scale: scale)
  }

  @inline(__always)
  private func memory(_ source: Source, _ batch: WorkList.Batch, scale: Double) -> UnsafeMutableRawPointer? {
    switch source {
    case .trainer: unscaled(batch)
    case .scaled: scale == 1 ? unscaled(batch) : scaled?.base
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
