// Asks the host for slots and phases.

import COptPlug

extension optplug_plan {
  /// The values of this node for the group of a parameter.
  func values(of parameter: UInt32) -> HyperparameterValues {
    HyperparameterValues(hyperparameters[Int(self.parameter(parameter).pointee.group)].unsafelyUnwrapped)
  }

  /// Asks for the slots of every parameter.
  /// - Parameter slots: those of a parameter in a group with some values, by the parameter's number of elements.
  func addSlots(
    _ plan: UnsafePointer<optplug_plan>, _ slots: (HyperparameterValues, _ count: Int) -> [Slot]
  ) -> optplug_status {
    for i in 0..<parameters.count {
      let count = Int(parameter(i).pointee.count)
      let status = addSlots(slots(values(of: i), count), plan, parameter: i)
      guard status == OPTPLUG_OK else { return status }
    }
    return OPTPLUG_OK
  }

  func parameter(_ number: UInt32) -> UnsafePointer<optplug_parameter> {
    (parameters.data + Int(number) * Int(parameters.stride)).assumingMemoryBound(to: optplug_parameter.self)
  }

  /// Asks for sweeps, for numbers to be reduced after all but the last, and for the working memory that collects them.
  func setPhases(_ count: Int, _ reductions: [Reduction], _ plan: UnsafePointer<optplug_plan>)
    -> optplug_status
  {
    guard let set_phases, let set_scratch else { return OPTPLUG_INVALID_ARGUMENT }
    let operations = reductions.map { $0 == .sum ? UInt32(OPTPLUG_REDUCE_SUM) : UInt32(OPTPLUG_REDUCE_MAX) }
    let status = set_phases(plan, UInt32(count), UInt32(operations.count), operations)
    guard status == OPTPLUG_OK, !reductions.isEmpty else { return status }
    return set_scratch(plan, UInt64(Partials.bytes), 0)
  }

  /// Asks for an author's slots of one parameter, in order.
  func addSlots(_ slots: [Slot], _ plan: UnsafePointer<optplug_plan>, parameter: UInt32) -> optplug_status {
    for slot in slots {
      let status = addSlot(
        slot.name.cString, slot.role, initial: slot.initial, value: slot.initialValue, type: slot.type,
        extent: slot.extent, plan, parameter: parameter)
      guard status == OPTPLUG_OK else { return status }
    }
    return OPTPLUG_OK
  }

  /// Asks for one slot.
  func addSlot(
    _ name: UnsafePointer<CChar>, _ role: Slot.Role, initial: UInt32, value: Double = 0,
    type: Slot.ElementType = .asParameter, extent: Slot.Extent = .elements,
    _ plan: UnsafePointer<optplug_plan>, parameter: UInt32
  ) -> optplug_status {
    var request = optplug_slot()
    request.struct_size = UInt32(MemoryLayout<optplug_slot>.size)
    request.role = role.code
    request.name = name
    request.shape_rule = extent.rule
    request.dtype = type.code
    request.initial = initial
    request.initial_value = value
    let dims = extent.dims
    guard let add_slot else { return OPTPLUG_INVALID_ARGUMENT }
    return dims.withUnsafeBufferPointer { dims in
      request.dims = dims.baseAddress
      request.ndim = UInt32(dims.count)
      var index: UInt32 = 0
      return add_slot(plan, parameter, &request, &index)
    }
  }
}
