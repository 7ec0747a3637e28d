// One worker's frames: a frame for every node, linked as the tree is, patched for each batch.

import COptPlug

/// What all frames of one step have in common.
struct StepFacts {
  var step: UInt64 = 0
  var seed: UInt64 = 0
  var gradientScale = 1.0
  var loss = Double.nan
}

/// What one node is told of a sweep over all batches.
struct NodeSweep {
  /// Whether it sees its segments.
  var isShown = true
  var flags = OPTPLUG_FRAME_FIRST | OPTPLUG_FRAME_LAST | OPTPLUG_FRAME_WORKS
  var pass: UInt32 = 0
  var phase: UInt32 = 0
  /// Whether it leaves numbers to reduce.
  var collects = false
}

/// The frames of a tree for one thread, with the working memory that their nodes asked for.
final class FrameSet {
  private let frames: UnsafeMutablePointer<optplug_frame>
  /// Per node.
  private let facts: UnsafeMutableBufferPointer<NodeFacts>
  private let children: [UnsafeMutablePointer<UnsafePointer<optplug_frame>?>]
  private let modelSlots: [UnsafeMutablePointer<UnsafeMutableRawPointer?>]
  private let scratch: [AlignedMemory?]
  private let reductions: [NodeReductions]
  let gradients: GradientPieces

  /// What `prepare` has to know of a node, where it is read fastest.
  private struct NodeFacts {
    let wantsAll, scales, hasPhases: Bool
    /// Working memory in bytes: for a call, for each element, and in all.
    let scratch, scratchPerElement, scratchBytes: Int
  }

  init(_ nodes: [Node], _ table: ParameterTable, _ work: WorkList, _ reductions: [NodeReductions]) throws {
    self.reductions = reductions
    frames = .allocate(capacity: nodes.count)
    gradients = try GradientPieces(nodes, table, work)
    scratch = try nodes.map { node in
      let bytes = node.plan.scratch + node.plan.scratchPerElement * work.mostElementsOfBatch
      guard bytes > 0 else { return nil }
      guard let memory = AlignedMemory(byteCount: bytes) else {
        throw OptimizerError.parameters(
          "no memory for \(bytes >> 20) MiB that '\(node.type.name)' works with")
      }
      return memory
    }
    facts = .allocate(capacity: nodes.count)
    for (i, node) in nodes.enumerated() {
      facts.initializeElement(
        at: i,
        to: NodeFacts(
          wantsAll: node.wantsAllParameters, scales: node.scalesGradient && gradients.showsTrainers(i),
          hasPhases: node.plan.phases > 1, scratch: node.plan.scratch,
          scratchPerElement: node.plan.scratchPerElement, scratchBytes: scratch[i]?.byteCount ?? 0))
    }
    let frames = frames
    children = nodes.map { node in
      let pointers = UnsafeMutablePointer<UnsafePointer<optplug_frame>?>.allocate(
        capacity: max(1, node.bases.count))
      for (i, base) in node.bases.enumerated() {
        (pointers + i).initialize(to: nodes.firstIndex { $0 === base }.map { UnsafePointer(frames + $0) })
      }
      return pointers
    }
    modelSlots = nodes.map { node in
      let pointers = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(
        capacity: max(1, node.plan.modelSlots.count))
      for (i, slot) in node.plan.modelSlots.enumerated() { (pointers + i).initialize(to: slot.memory) }
      return pointers
    }
    for (i, node) in nodes.enumerated() {
      var frame = optplug_frame()
      frame.struct_size = UInt32(MemoryLayout<optplug_frame>.size)
      frame.parameters = node.view.span
      frame.hyperparameters = UnsafePointer(node.valueRows)
      frame.children = node.bases.isEmpty ? nil : UnsafePointer(children[i])
      frame.device = optplug_device(type: OPTPLUG_DEVICE_CPU, id: 0)
      frame.scratch = scratch[i]?.base
      frame.model_slots = node.plan.modelSlots.isEmpty ? nil : UnsafePointer(modelSlots[i])
      (frames + i).initialize(to: frame)
    }
  }

  deinit {
    frames.deallocate()
    facts.deallocate()
    for pointers in children { pointers.deallocate() }
    for pointers in modelSlots { pointers.deallocate() }
  }

  /// To be called when slots of the model lie elsewhere.
  func takeModelSlots(_ nodes: [Node]) {
    for (node, pointers) in zip(nodes, modelSlots) {
      for (i, slot) in node.plan.modelSlots.enumerated() { pointers[i] = slot.memory }
    }
  }

  /// The model slots of a node, as its frames show them.
  func modelSlots(of node: Int) -> UnsafePointer<UnsafeMutableRawPointer?>? {
    UnsafePointer(frames[node].model_slots)
  }

  /// The frame of the node at `root`, pointing at a batch; likewise all frames below it.
  /// - Parameters:
  ///   - sweeps: per node.
  ///   - showsAll: whether every node sees parameters without a gradient.
  func prepare(
    _ batch: WorkList.Batch, _ tables: [SegmentTable], _ step: StepFacts,
    _ sweeps: UnsafeMutableBufferPointer<NodeSweep>, root: Int,
    showsAll: Bool
  ) -> UnsafePointer<optplug_frame> {
    for i in facts.indices {
      let (sweep, known) = (sweeps[i], facts[i])
      let sees = sweep.isShown && (batch.hasGradients || showsAll || known.wantsAll)
      let range = tables[i].range(batch)
      frames[i].flags = sweep.flags
      frames[i].step = step.step
      frames[i].pass = sweep.pass
      frames[i].phase = sweep.phase
      frames[i].segments = tables[i].span(sees ? range : range.prefix(0))
      frames[i].dtype = batch.dtype.abi
      // Nodes of one tree must not draw the same numbers; an odd factor keeps the keys distinct. Counted from the
      // end, so that a wrapper around a tree changes nothing in it.
      frames[i].seed = step.seed ^ (UInt64(facts.count - 1 - i) &* 0x9E37_79B9_7F4A_7C15)
      frames[i].gradient_scale = known.scales ? step.gradientScale : 1
      frames[i].loss = step.loss
      if known.scratchBytes > 0 {
        let elements = sees ? tables[i].elements(batch) : 0
        frames[i].scratch_size = UInt64(
          min(known.scratchBytes, known.scratch + known.scratchPerElement * elements))
      }
      if known.hasPhases { showReductions(i, sweep, range) }
    }
    return UnsafePointer(frames + root)
  }

  private func showReductions(_ node: Int, _ sweep: NodeSweep, _ segments: Range<Int>) {
    let reductions = reductions[node]
    frames[node].partials = sweep.collects ? reductions.rows(segments) : nil
    let hasResults = sweep.phase > 0 && !reductions.operations.isEmpty
    frames[node].tensor_reductions = hasResults ? UnsafePointer(reductions.tensors) : nil
    frames[node].group_reductions = hasResults ? UnsafePointer(reductions.groups) : nil
    frames[node].model_reductions = hasResults ? UnsafePointer(reductions.model) : nil
  }
}
