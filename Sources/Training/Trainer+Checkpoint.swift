// A trainer's whole state taken out, and put back into another trainer of the same run.

import ConvNet
import OptimizerHost
import Safetensors

extension Trainer {
  /// What decides nothing about the result of a step: how many epochs there will be, on how many threads, when a run is
  /// over, and what is judged besides.
  private static let freeOptions: Set<String> = [
    "epochs", "threads", "jit", "patience", "timeLimit", "evaluatesFastWeights",
  ]

  /// The run as it is now. Take it before, after, or at a pause of a training.
  /// - Throws: errors of `OptimizerHost`.
  public func checkpoint() throws -> Checkpoint {
    var tensors = network.parameters.map { NamedTensor($0.name, $0.shape, $0.values) }
    tensors += network.buffers.map { NamedTensor($0.name, $0.shape, $0.values) }
    let state = optimizer.state()
    var facts = facts
    facts.nonFinite = tensors.first { !$0.isFinite }?.name ?? firstNonFinite(of: state)
    tensors += state
    return try Checkpoint(
      tensors: tensors, facts: facts,
      context: TrainedWeights.context(of: network, standardization: standardization))
  }

  /// Takes over a checkpoint's state; nothing changes when it throws.
  /// - Parameter path: where it came from, for messages.
  /// - Returns: warnings: what is different, and may matter.
  /// - Throws: ``TrainingError/otherRun(path:differences:)`` with all that is different and does matter; errors of
  ///   `OptimizerHost`.
  public func restore(_ checkpoint: Checkpoint, from path: String) throws -> [String] {
    let now = facts
    let saved = checkpoint.facts
    var differences = Self.differences(of: now.network, from: saved.network)
    differences += now.options.differences(from: saved.options)
    differences += Self.differences(of: now.data, from: saved.data)
    differences += Self.differences(of: now.optimizers, from: saved.optimizers)
    let channels = network.input.channels
    // Of another number of channels: the input is another, and said to be so.
    if let was = try? TrainedWeights(of: checkpoint).standardization(channels: channels, path: path),
      was != standardization
    {
      differences.append(
        "the standardisation was mean \(was.mean), deviation \(was.deviation) and is mean "
          + "\(standardization.mean), deviation \(standardization.deviation)")
    }
    if saved.state.position.epoch > options.epochs {
      differences.append(
        "it has \(saved.state.position.epoch) epochs behind it, more than the \(options.epochs) asked for")
    }
    let weights = checkpoint.file.tensors.filter { !$0.name.contains("/") }
    let held = Dictionary(weights.map { ($0.name, $0) }) { first, _ in first }
    var targets: [(bytes: [UInt8], values: UnsafeMutableBufferPointer<Float>)] = []
    for (name, shape, values) in network.parameters.map({ ($0.name, $0.shape, $0.values) })
      + network.buffers.map({ ($0.name, $0.shape, $0.values) })
    {
      guard let tensor = held[name] else {
        differences.append("tensor \(name) is not in it")
        continue
      }
      if tensor.shape != shape || tensor.dtype != .float32 {
        differences.append("tensor \(name) is \(tensor.dtype) \(tensor.shape), not float32 \(shape)")
      }
      targets.append((tensor.bytes, values))
    }
    guard differences.isEmpty, weights.count == targets.count else {
      throw TrainingError.otherRun(
        path: path, differences: differences.isEmpty ? ["it has tensors of another network"] : differences)
    }
    let optimizerState = checkpoint.file.tensors.filter { $0.name.contains("/") }
    try optimizer.restore(optimizerState)
    // Where no tensor counts as bad, those that are not finite began so.
    unboundedState =
      saved.nonFinite == nil ? Set(optimizerState.filter { !$0.isFinite }.map(\.name)) : []
    for (bytes, values) in targets { UnsafeMutableRawBufferPointer(values).copyBytes(from: bytes) }
    network.stepCount = saved.network.stepCount
    state = saved.state
    return zip(now.optimizers, saved.optimizers).filter { $0.hash != $1.hash }.map { now, saved in
      "\(now.file) is not the file that began the run: its sha256 was \(saved.hash.prefix(16)) and is "
        + "\(now.hash.prefix(16)); results may differ"
    }
  }

  private var facts: Checkpoint.Facts {
    Checkpoint.Facts(
      state: state,
      network: .init(
        architecture: options.architecture.rawValue,
        input: "\(network.input.channels)x\(network.input.height)x\(network.input.width)",
        classes: network.classes, stepCount: network.stepCount),
      options: Fingerprint(of: options, leavingOut: Self.freeOptions), data: dataIdentity,
      optimizers: optimizer.identities)
  }

  private static func differences(
    of now: Checkpoint.NetworkFacts, from saved: Checkpoint.NetworkFacts
  ) -> [String] {
    [
      ("network", saved.architecture, now.architecture), ("input", saved.input, now.input),
      ("number of classes", "\(saved.classes)", "\(now.classes)"),
    ].compactMap { what, was, now in was == now ? nil : "the \(what) was \(was) and is \(now)" }
  }

  private static func differences(of now: DataIdentity, from saved: DataIdentity) -> [String] {
    func text(_ part: DataIdentity.Part) -> String { "\(part.count) with crc32 \(part.crc32)" }
    return [
      ("training images", text(saved.train), text(now.train)),
      ("test images", text(saved.test), text(now.test)),
    ].compactMap { what, was, now in was == now ? nil : "the \(what) were \(was) and are \(now)" }
  }

  private static func differences(
    of now: [OptimizerIdentity], from saved: [OptimizerIdentity]
  ) -> [String] {
    func tree(_ optimizers: [OptimizerIdentity]) -> String {
      optimizers.map { $0.path + $0.name }.joined(separator: ", ")
    }
    guard now.map(\.path) == saved.map(\.path), now.map(\.name) == saved.map(\.name) else {
      return ["the optimizers were \(tree(saved)) and are \(tree(now))"]
    }
    var differences: [String] = []
    for (now, saved) in zip(now, saved) {
      if now.version != saved.version {
        differences.append("\(now.name) was version \(saved.version) and is \(now.version) (\(now.file))")
      }
      if now.stateVersion != saved.stateVersion {
        differences.append(
          "the state of \(now.name) was version \(saved.stateVersion) and is \(now.stateVersion) (\(now.file))"
        )
      }
      func text(_ slot: OptimizerIdentity.Slot?) -> String {
        slot.map { "\($0.elements) of \($0.dtype) over \($0.parameters) parameters" } ?? "not there"
      }
      for name in Set((now.slots + saved.slots).map(\.name)).sorted() {
        let was = saved.slots.filter { $0.name == name }
        let here = now.slots.filter { $0.name == name }
        guard was != here else { continue }
        differences.append("slot \(name) of \(now.name) was \(text(was.first)) and is \(text(here.first))")
      }
    }
    return differences
  }
}

extension NamedTensor {
  fileprivate init(_ name: String, _ shape: [Int], _ values: UnsafeMutableBufferPointer<Float>) {
    // Swift's machines are little-endian, as the format is.
    self.init(name: name, dtype: .float32, shape: shape, bytes: [UInt8](UnsafeRawBufferPointer(values)))
  }
}
