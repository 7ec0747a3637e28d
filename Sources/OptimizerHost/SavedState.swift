// Saves and restores everything that an optimizer needs to continue bit for bit.

import COptPlug

extension Optimizer {
  /// Whose hyperparameters hold after a restore.
  public enum HyperparameterSource: Sendable {
    /// Those that were saved.
    case saved
    /// Those in force now; each that differs from what was saved gives a warning.
    case current
  }

  /// All state by value: slots as `<parameter>/<path.>slot`, step counters, hyperparameters.
  ///
  /// - `conv1.weight/base.exp_avg`: a slot, in its own shape and type.
  /// - `conv1.weight/base.step`: int64, the steps that this parameter took under that optimizer.
  /// - `conv1.weight/master`: float32, what a parameter of 16 bits is rounded from.
  /// - `optimizer/base.slot`: a slot of the whole model.
  /// - `optimizer/step`: int64, steps of the whole.
  /// - `optimizer/base.lr`: float64, the value for each group.
  /// - `optimizer/base.state_version`: int64, the plugin's version of its slots.
  ///
  /// Inside `withEvaluationWeights` it is what the view has put there, for looking at: not a state to continue from.
  public func state() -> [NamedTensor] {
    engine.startState()
    return entries.map { NamedTensor(name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: $0.read()) }
  }

  /// Takes over what `state()` saved; nothing changes when it throws. Parameters are restored by their owner.
  /// - Returns: warnings, one for each hyperparameter that differs from what was saved, with source `.current`.
  /// - Throws: `OptimizerError.state` when a tensor is missing, surplus, or of another shape or type, or when a value
  ///   that decides which state exists differs.
  @discardableResult
  public func restore(_ tensors: [NamedTensor], hyperparameters: HyperparameterSource = .saved) throws
    -> [String]
  {
    try checkIsOnHost()
    guard !isShowingEvaluationWeights else {
      throw OptimizerError.parameters("no state may be restored inside withEvaluationWeights")
    }
    try checkIsNotStepping()
    let entries = entries
    var saved: [String: NamedTensor] = [:]
    for tensor in tensors where saved.updateValue(tensor, forKey: tensor.name) != nil {
      throw OptimizerError.state(tensor.name, problem: "is there twice")
    }
    for entry in entries {
      guard let tensor = saved[entry.name] else {
        throw OptimizerError.state(
          entry.name,
          problem: "is missing; the state was saved by another optimizer or model (now: \(expression))")
      }
      guard tensor.dtype == entry.dtype, tensor.shape == entry.shape, tensor.bytes.count == entry.byteCount
      else {
        throw OptimizerError.state(
          entry.name,
          problem:
            "is \(tensor.dtype) \(tensor.shape) with \(tensor.bytes.count) bytes, not \(entry.dtype) \(entry.shape)"
        )
      }
    }
    let known = Set(entries.map(\.name))
    if let surplus = tensors.first(where: { !known.contains($0.name) }) {
      throw OptimizerError.state(
        surplus.name, problem: "belongs to no part of this optimizer (\(expression)) and model")
    }
    try checkSaved(saved)
    engine.startState()
    var warnings: [String] = []
    for entry in entries {
      guard let tensor = saved[entry.name] else { continue }
      if let cell = entry.cell, hyperparameters == .current {
        let values = tensor.bytes.doubles
        for group in values.indices where values[group] != cell.node[group, cell.index] {
          warnings.append(
            "hyperparameter '\(cell.path)' was \(cell.type.format(values[group])) when the state was saved and is "
              + "\(cell.type.format(cell.node[group, cell.index])) now")
        }
      } else {
        entry.write(tensor.bytes)
      }
    }
    refusedState = nil
    engine.countersHaveChanged()
    return warnings
  }

  /// Counters beyond this are damaged; they could overflow.
  static let mostSteps: UInt64 = 1 << 53

  /// Saved values must be allowed, and those that decide which state exists must be as they are.
  private func checkSaved(_ saved: [String: NamedTensor]) throws {
    for cell in tree.cells {
      let name = "optimizer/\(cell.path)"
      for (group, value) in (saved[name]?.bytes.doubles ?? []).enumerated() {
        let current = cell.node[group, cell.index]
        if let problem = cell.type.problem(with: value) {
          throw OptimizerError.state(name, problem: "\(problem), not \(value)")
        }
        if (cell.type.isStructural && value != current)
          || (cell.type.isZeroStructural && (value == 0) != (current == 0))
        {
          throw OptimizerError.state(
            name,
            problem:
              "was \(cell.type.format(value)) when saved but is \(cell.type.format(current)) now, and it "
              + "decides which state exists; make the optimizer with the saved value")
        }
      }
    }
    for node in tree.nodes {
      for group in 0..<table.groupCount {
        let row = node.type.hyperparameters.enumerated().map { i, type in
          saved["optimizer/\(node.path)\(type.name)"].map { $0.bytes.doubles[group] } ?? node[group, i]
        }
        if let problem = node.problem(with: row) {
          throw OptimizerError.state(
            "optimizer/\(node.path)", problem: "its saved values do not go together: \(problem)")
        }
      }
    }
    for node in tree.nodes {
      let name = "optimizer/\(node.path)state_version"
      let version = saved[name]?.bytes.integer ?? 0
      guard version == Int64(node.type.stateVersion) else {
        throw OptimizerError.state(
          name,
          problem:
            "was \(version) when saved, but \(node.type.path) has \(node.type.stateVersion); use the plugin "
            + "that saved it")
      }
    }
    for (name, tensor) in saved where name.hasSuffix("/step") || name.hasSuffix(".step") {
      let steps = tensor.bytes.integer
      guard steps >= 0 else { throw OptimizerError.state(name, problem: "is negative") }
      guard steps <= Self.mostSteps else {
        throw OptimizerError.state(name, problem: "is \(steps), more than any training takes")
      }
    }
  }

  /// A piece of state under its name, readable and writable.
  private struct Entry {
    let name: String
    let dtype: DType
    let shape: [Int]
    /// The hyperparameter that it is, if it is one.
    var cell: Tree.Cell?
    let read: () -> [UInt8]
    let write: ([UInt8]) -> Void

    var byteCount: Int { shape.reduce(dtype.size, *) }
  }

  private var entries: [Entry] {
    var entries = [counter("optimizer/step", { Int64(self.stepCount) }, { self.stepCount = UInt64($0) })]
    for node in tree.nodes {
      // Written only when it is already equal.
      entries.append(
        counter("optimizer/\(node.path)state_version", { Int64(node.type.stateVersion) }, { _ in }))
    }
    entries += tree.cells.map(entry)
    for node in tree.nodes {
      entries += node.plan.modelSlots.map { entry("optimizer/\(node.path)\($0.name)", $0) }
    }
    for (i, parameter) in table.parameters.enumerated() {
      if table.masters?.original(of: i) != nil { entries.append(master(parameter)) }
      for node in tree.nodes where node.view.contains(i) {
        let prefix = "\(parameter.name)/\(node.path)"
        entries.append(
          counter("\(prefix)step", { node.parameterSteps[i] }, { node.parameterSteps[i] = $0 }))
        entries += node.ownSlots[i].map { entry("\(prefix)\($0.name)", $0) }
      }
    }
    return entries
  }

  private func counter(_ name: String, _ get: @escaping () -> Int64, _ set: @escaping (Int64) -> Void)
    -> Entry
  {
    Entry(
      name: name, dtype: .int64, shape: [], read: { withUnsafeBytes(of: get()) { Array($0) } },
      write: { set($0.integer) })
  }

  private func entry(_ name: String, _ slot: SlotRecord) -> Entry {
    entry(name, slot.dtype, slot.shape, slot.memory)
  }

  private func master(_ parameter: Parameter) -> Entry {
    entry("\(parameter.name)/master", parameter.dtype, parameter.shape, parameter.values)
  }

  private func entry(_ name: String, _ dtype: DType, _ shape: [Int], _ memory: UnsafeMutableRawPointer?)
    -> Entry
  {
    let byteCount = shape.reduce(dtype.size, *)
    return Entry(
      name: name, dtype: dtype, shape: shape,
      read: { Array(UnsafeRawBufferPointer(start: memory, count: byteCount)) },
      write: { bytes in UnsafeMutableRawBufferPointer(start: memory, count: byteCount).copyBytes(from: bytes)
      })
  }

  private func entry(_ cell: Tree.Cell) -> Entry {
    let groups = 0..<table.groupCount
    return Entry(
      name: "optimizer/\(cell.path)", dtype: .float64, shape: [groups.count], cell: cell,
      read: { groups.flatMap { group in withUnsafeBytes(of: cell.node[group, cell.index]) { Array($0) } } },
      write: { bytes in
        for (group, value) in bytes.doubles.enumerated() { cell.node[group, cell.index] = value }
      })
  }
}

extension [UInt8] {
  fileprivate var integer: Int64 { withUnsafeBytes { $0.loadUnaligned(as: Int64.self) } }

  fileprivate var doubles: [Double] {
    withUnsafeBytes { bytes in
      (0..<(bytes.count / 8)).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self) }
    }
  }
}
