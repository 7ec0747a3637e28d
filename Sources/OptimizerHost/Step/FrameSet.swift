// One worker's frames: a frame for every node, linked as the tree is, patched for each batch.

import COptPlug

/// What all frames of one step have in common.
struct StepFacts {
  var step: UInt64 = 0
  var seed: UInt64 = 0
  var gradientScale = 1.0
}

/// The frames of a tree for one thread, and room for gradients that the host scales.
final class FrameSet {
  private let frames: UnsafeMutablePointer<optplug_frame>
  private let nodeCount: Int
  private let children: [UnsafeMutablePointer<UnsafePointer<optplug_frame>?>]
  /// Per node: whether the plugin multiplies by the gradient scale itself.
  private let scales: [Bool]
  /// Per node: whether it sees parameters without a gradient.
  private let wantsAll: [Bool]
  private let scaled: ScaledGradients?

  init(_ nodes: [Node], _ table: ParameterTable, _ work: WorkList) {
    nodeCount = nodes.count
    frames = .allocate(capacity: nodes.count)
    scales = nodes.map { $0.type.has(OPTPLUG_CAPABILITY_GRADIENT_SCALE) }
    wantsAll = nodes.map { $0.type.has(OPTPLUG_CAPABILITY_NULL_GRADIENT) }
    scaled =
      scales.allSatisfy { $0 }
      ? nil
      : ScaledGradients(
        elements: work.mostElementsOfBatch, cuts: min(work.mostCuts, work.mostElementsOfBatch),
        nodes: nodes.count)
    let frames = frames
    children = nodes.map { node in
      let pointers = UnsafeMutablePointer<UnsafePointer<optplug_frame>?>.allocate(
        capacity: max(1, node.bases.count))
      for (i, base) in node.bases.enumerated() {
        (pointers + i).initialize(to: nodes.firstIndex { $0 === base }.map { UnsafePointer(frames + $0) })
      }
      return pointers
    }
    for (i, node) in nodes.enumerated() {
      var frame = optplug_frame()
      frame.struct_size = UInt32(MemoryLayout<optplug_frame>.size)
      frame.parameters = table.span
      frame.hyperparameters = UnsafePointer(node.valueRows)
      frame.children = node.bases.isEmpty ? nil : UnsafePointer(children[i])
      frame.device = optplug_device(type: OPTPLUG_DEVICE_CPU, id: 0)
      (frames + i).initialize(to: frame)
    }
  }

  deinit {
    frames.deallocate()
    for pointers in children { pointers.deallocate() }
  }

  /// The frame of the node at `root`, pointing at a batch; likewise all frames below it.
  /// - Parameter showsAll: whether every node sees parameters without a gradient.
  func prepare(
    _ batch: WorkList.Batch, _ tables: [SegmentTable], _ facts: StepFacts, root: Int, showsAll: Bool
  ) -> UnsafePointer<optplug_frame> {
    let hostScales = facts.gradientScale != 1 && batch.hasGradients
    if hostScales { scaled?.scale(batch, tables[0], by: facts.gradientScale) }
    for node in 0..<nodeCount {
      let sees = batch.hasGradients || showsAll || wantsAll[node]
      var segments = tables[node].span(sees ? batch.cuts : batch.cuts.prefix(0))
      if hostScales, !scales[node], let scaled { segments = scaled.span(batch, tables[node], node: node) }
      frames[node].step = facts.step
      frames[node].seed = facts.seed
      frames[node].segments = segments
      frames[node].dtype = batch.dtype.abi
      frames[node].gradient_scale = scales[node] ? facts.gradientScale : 1
    }
    return UnsafePointer(frames + root)
  }
}

/// A batch's gradients multiplied by the scale, for plugins that do not multiply themselves.
private final class ScaledGradients {
  private let memory: UnsafeMutableRawPointer
  /// Nodes × cuts: each node has slots of its own in its segments.
  private let segments: UnsafeMutablePointer<optplug_segment>
  private let cuts: Int

  /// - Parameters:
  ///   - elements: of the largest batch.
  ///   - cuts: of the largest batch.
  init(elements: Int, cuts: Int, nodes: Int) {
    memory = .allocate(byteCount: max(64, elements * 8), alignment: 64)
    self.cuts = max(1, cuts)
    segments = .allocate(capacity: nodes * self.cuts)
  }

  deinit {
    memory.deallocate()
    segments.deallocate()
  }

  /// Multiplies, each product rounded once to the gradients' type.
  func scale(_ batch: WorkList.Batch, _ table: SegmentTable, by scale: Double) {
    var done = 0
    for cut in batch.cuts {
      let segment = table.segments[cut]
      guard let gradient = segment.gradient else { continue }
      let count = Int(segment.count)
      if batch.dtype == .float64 {
        multiply(gradient, memory, from: done, count: count, by: scale)
      } else {
        multiply(gradient, memory, from: done, count: count, by: Float(scale))
      }
      done += count
    }
  }

  /// The batch's segments of one node with the scaled gradients in place of the trainer's.
  func span(_ batch: WorkList.Batch, _ table: SegmentTable, node: Int) -> optplug_span {
    let segments = segments + node * cuts
    var done = 0
    for (i, cut) in batch.cuts.enumerated() {
      segments[i] = table.segments[cut]
      segments[i].gradient = UnsafeRawPointer(memory + done * batch.dtype.size)
      done += Int(segments[i].count)
    }
    return optplug_span(
      data: segments, count: UInt32(batch.cuts.count), stride: UInt32(MemoryLayout<optplug_segment>.stride))
  }
}

private func multiply<T: FloatingPoint>(
  _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, from start: Int, count: Int, by scale: T
) {
  let source = source.assumingMemoryBound(to: T.self)
  let target = target.assumingMemoryBound(to: T.self) + start
  for i in 0..<count { target[i] = source[i] * scale }
}
