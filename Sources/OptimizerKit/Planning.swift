// Asks the host for slots.

import COptPlug

extension optplug_plan {
  /// The values of this node for the group of a parameter.
  func values(of parameter: UInt32) -> HyperparameterValues {
    let entry = (parameters.data + Int(parameter) * Int(parameters.stride))
      .assumingMemoryBound(to: optplug_parameter.self)
    return HyperparameterValues(hyperparameters[Int(entry.pointee.group)].unsafelyUnwrapped)
  }

  /// Asks for an author's slots of one parameter, in order.
  func addSlots(_ slots: [Slot], _ plan: UnsafePointer<optplug_plan>, parameter: UInt32) -> optplug_status {
    for slot in slots {
      let status = addSlot(
        slot.name.cString, slot.role, initial: slot.initial, value: slot.initialValue, plan,
        parameter: parameter)
      guard status == OPTPLUG_OK else { return status }
    }
    return OPTPLUG_OK
  }

  /// Asks for one slot that has the parameter's shape and type.
  func addSlot(
    _ name: UnsafePointer<CChar>, _ role: Slot.Role, initial: UInt32, value: Double = 0,
    _ plan: UnsafePointer<optplug_plan>, parameter: UInt32
  ) -> optplug_status {
    var request = optplug_slot()
    request.struct_size = UInt32(MemoryLayout<optplug_slot>.size)
    request.role = role.code
    request.name = name
    request.shape_rule = UInt32(OPTPLUG_SHAPE_AS_PARAMETER)
    request.dtype = optplug_dtype(code: UInt8(OPTPLUG_DTYPE_AS_PARAMETER), bits: 0, lanes: 1)
    request.initial = initial
    request.initial_value = value
    var index: UInt32 = 0
    guard let add_slot else { return OPTPLUG_INVALID_ARGUMENT }
    return add_slot(plan, parameter, &request, &index)
  }
}
