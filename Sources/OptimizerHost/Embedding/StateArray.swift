// State in place, for hosts that show it to trainers in other languages.

import COptPlug

/// A piece of an optimizer's state and where it lies.
package struct StateArray {
  package enum Kind {
    /// What an optimizer keeps of a parameter, or of the model.
    case slot
    /// int64: the steps that a parameter took with a gradient under an optimizer.
    case counter
    /// float32: what a parameter of 16 bits is rounded from.
    case master
  }

  package let kind: Kind
  /// Whose it is, among the optimizers of the tree.
  package let node: Int
  /// Whose it is, in the trainer's order; nil for the model's.
  package let parameter: Int?
  package let name: String
  package let role: UInt32
  package let dtype: DType
  package let shape: [Int]
  /// In the optimizer's own memory.
  package let memory: UnsafeMutableRawPointer
  /// The ABI's rule of how elements belong to the parameter's.
  package let shapeRule: UInt32
  private(set) var slot: SlotRecord?
}

extension Optimizer {
  /// All state, by parameter and then by optimizer; at last that of the model.
  package func stateArrays() -> [StateArray] {
    if !isOnDevice { engine.startState() }
    var arrays: [StateArray] = []
    for (i, parameter) in table.parameters.enumerated() {
      if table.masters?.original(of: i) != nil {
        arrays.append(
          StateArray(
            kind: .master, node: 0, parameter: i, name: "master", role: OPTPLUG_ROLE_PARAMETER_COPY,
            dtype: parameter.dtype, shape: parameter.shape, memory: parameter.values,
            shapeRule: OPTPLUG_SHAPE_AS_PARAMETER))
      }
      for (n, node) in tree.nodes.enumerated() where node.view.contains(i) {
        if let counters = node.parameterSteps.baseAddress {
          arrays.append(
            StateArray(
              kind: .counter, node: n, parameter: i, name: "step", role: OPTPLUG_ROLE_OTHER, dtype: .int64,
              shape: [], memory: UnsafeMutableRawPointer(counters + i), shapeRule: OPTPLUG_SHAPE_EXPLICIT))
        }
        arrays += node.ownSlots[i].compactMap { StateArray($0, node: n, parameter: i) }
      }
    }
    for (n, node) in tree.nodes.enumerated() {
      arrays += node.plan.modelSlots.compactMap { StateArray($0, node: n, parameter: nil) }
    }
    return arrays
  }

  /// Whether programs may read and write a slot: an element for each of the parameter's, of its type.
  func isStream(_ slot: SlotRecord, of parameter: Int) -> Bool {
    slot.isAsParameter && slot.dtype == table.parameters[parameter].dtype
  }

  /// Whether an array of state lies in the memory of a GPU, which the trainer gives.
  package func liesOnDevice(_ array: StateArray) -> Bool {
    guard isOnDevice, let parameter = array.parameter else { return false }
    return switch array.kind {
    case .master: true
    case .counter: false
    case .slot: array.slot.map { isStream($0, of: parameter) } ?? false
    }
  }

  /// Gives all state of a parameter its initial value, as if it had never had a gradient.
  /// - Throws: `OptimizerError.parameters` unless it is idle.
  package func reset(parameter: Int) throws {
    try checkIsIdle()
    try checkIsOnHost()
    engine.startState()
    let values = table.parameters[parameter].values
    table.masters?.load(parameter, offset: 0, count: table.parameters[parameter].count)
    for node in tree.nodes where node.view.contains(parameter) {
      node.parameterSteps[parameter] = 0
      for slot in node.ownSlots[parameter] { slot.reset(from: values) }
    }
    engine.countersHaveChanged()
  }

  /// Takes note that state was written in place.
  /// - Parameter step: steps taken by the whole.
  /// - Throws: `OptimizerError.parameters` unless it is idle; `OptimizerError.state` for an impossible counter.
  package func stateHasChanged(step: UInt64) throws {
    try checkIsIdle()
    if !isOnDevice { engine.startState() }
    do { try checkCounters(step: step) } catch {
      refusedState = error
      throw error
    }
    refusedState = nil
    stepCount = step
    engine.countersHaveChanged()
  }

  private func checkCounters(step: UInt64) throws(OptimizerError) {
    guard step <= Self.mostSteps else {
      throw OptimizerError.state("optimizer/step", problem: "is \(step), more than any training takes")
    }
    for node in tree.nodes {
      for i in node.parameterSteps.indices where !(0...Int64(Self.mostSteps)).contains(node.parameterSteps[i])
      {
        throw OptimizerError.state(
          "\(table.parameters[i].name)/\(node.path)step",
          problem: "is \(node.parameterSteps[i]), which is no number of steps")
      }
    }
  }

  /// Takes note that a parameter of the trainer lies elsewhere now.
  /// - Throws: `OptimizerError.parameters` unless it is idle.
  package func move(parameter: Int, to values: UnsafeMutableRawPointer) throws {
    try checkIsIdle()
    table.move(parameter, to: values)
    engine.hasMoved(parameter)
  }

  /// Lets a slot lie in the trainer's memory from now on, or in its own again.
  /// - Throws: `OptimizerError.parameters` unless it is idle, or when the array is no slot.
  package func move(_ array: StateArray, to memory: UnsafeMutableRawPointer?) throws {
    try checkIsIdle()
    guard let slot = array.slot else {
      throw OptimizerError.parameters("'\(array.name)' is the host's own and stays where it is")
    }
    slot.place(at: memory ?? array.memory)
    engine.hasMoved(array.parameter)
  }
}

extension StateArray {
  fileprivate init?(_ slot: SlotRecord, node: Int, parameter: Int?) {
    guard let memory = slot.memory else { return nil }
    let rule =
      switch slot.extent {
      case .elements: OPTPLUG_SHAPE_AS_PARAMETER
      case .blocks: OPTPLUG_SHAPE_PER_BLOCK
      case .whole: OPTPLUG_SHAPE_EXPLICIT
      }
    self.init(
      kind: .slot, node: node, parameter: parameter, name: slot.name, role: slot.role, dtype: slot.dtype,
      shape: slot.shape, memory: memory, shapeRule: rule, slot: slot)
  }
}
