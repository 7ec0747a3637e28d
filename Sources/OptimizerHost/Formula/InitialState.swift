// What state begins as, as programs: for memory that only programs reach.

extension Fusion {
  /// Launches that give the slots of some optimizers their initial values.
  /// - Parameters:
  ///   - nodes: places among the optimizers of the tree.
  ///   - parameters: whose slots; those without elements are passed over.
  func initialLaunches(of nodes: [Int], parameters: [Int]) -> [Launch] {
    let table = optimizer.table
    let alike = Dictionary(grouping: parameters.filter { table.parameters[$0].count > 0 }) { layouts[$0] }
    return alike.sorted { $0.key < $1.key }.compactMap { _, parameters in
      let (program, constants) = initialProgram(of: nodes, parameter: parameters[0])
      guard !program.results.isEmpty else { return nil }
      return Launch(
        program: program, constants: constants, dtype: table.parameters[parameters[0]].dtype,
        parameterType: table.trainerTypes[parameters[0]].dtype, parameters: parameters, situation: -1)
    }
  }

  private func initialProgram(of nodes: [Int], parameter: Int) -> (FusedProgram, constants: [Double]) {
    var slots: [FusedProgram.Slot] = []
    var operations: [Operation] = []
    var results: [Stream: Int] = [:]
    var constants: [Double] = []
    for number in nodes where self.nodes[number].view.contains(parameter) {
      let node = self.nodes[number]
      for (index, slot) in node.ownSlots[parameter].enumerated() where optimizer.isStream(slot, of: parameter)
      {
        let operation: Operation
        if let value = slot.firstValue {
          operation = .constant(constants.firstIndex { $0.bitPattern == value.bitPattern } ?? constants.count)
          if operation == .constant(constants.count) { constants.append(value) }
        } else {
          operation = .load(.parameter)
        }
        let place = operations.firstIndex(of: operation) ?? operations.count
        if place == operations.count { operations.append(operation) }
        results[.slot(slots.count)] = place
        slots.append(FusedProgram.Slot(name: node.path + slot.name, node: number, index: index))
      }
    }
    let program = FusedProgram(
      slots: slots, operations: operations, results: results, constantPlaces: Array(constants.indices),
      constantNames: constants.map { "\($0) at first" })
    return (program, constants)
  }
}
