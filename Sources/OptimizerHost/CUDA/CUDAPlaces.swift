// Where parameters and state lie in the GPU's memory.

/// The places of all streams but gradients, which the trainer gives.
final class CUDAPlaces {
  private let table: ParameterTable
  private let fusion: Fusion
  private var slots: [ObjectIdentifier: CUDADriver.Address] = [:]
  private var masters: [Int: CUDADriver.Address] = [:]
  /// Another number whenever something has moved.
  private(set) var generation = 0

  init(_ fusion: Fusion) {
    self.fusion = fusion
    table = fusion.optimizer.table
  }

  /// Elements of a parameter.
  func count(_ parameter: Int) -> Int { table.parameters[parameter].count }

  func move(_ slot: SlotRecord, to address: CUDADriver.Address) {
    slots[ObjectIdentifier(slot)] = address
    generation += 1
  }

  func move(master parameter: Int, to address: CUDADriver.Address) {
    masters[parameter] = address
    generation += 1
  }

  func parametersHaveMoved() { generation += 1 }

  /// - Throws: `OptimizerError.parameters` for state that the trainer has given no memory.
  func place(_ column: LaunchTable.Column, _ parameter: Int) throws -> CUDADriver.Address {
    switch column {
    case .gradient: return 0
    case .parameter: return given(parameter)
    case .trained where table.masters?.original(of: parameter) == nil: return given(parameter)
    case .trained:
      guard let place = masters[parameter] else { throw nowhere("the state 'master'", parameter) }
      return place
    case .slot(let slot):
      guard let place = slots[ObjectIdentifier(fusion.record(slot, parameter))] else {
        throw nowhere("the state '\(slot.name)'", parameter)
      }
      return place
    }
  }

  private func given(_ parameter: Int) -> CUDADriver.Address {
    let values = table.masters?.original(of: parameter)?.values ?? table.parameters[parameter].values
    return UInt64(UInt(bitPattern: values))
  }

  func nowhere(_ what: String, _ parameter: Int) -> OptimizerError {
    .parameters(
      "\(what) of '\(table.parameters[parameter].name)' lies nowhere on the GPU; give it memory before the first step"
    )
  }
}
