// State slots as an author asks for them.

import COptPlug

/// An array of state with one element for each element of the parameter, in the parameter's type.
public struct Slot {
  /// What a wrapper may know of a slot without knowing its name.
  public enum Role {
    case other, firstMoment, secondMoment, parameterCopy

    var code: UInt32 {
      switch self {
      case .other: UInt32(OPTPLUG_ROLE_OTHER)
      case .firstMoment: UInt32(OPTPLUG_ROLE_FIRST_MOMENT)
      case .secondMoment: UInt32(OPTPLUG_ROLE_SECOND_MOMENT)
      case .parameterCopy: UInt32(OPTPLUG_ROLE_PARAMETER_COPY)
      }
    }
  }

  let name: StaticString
  let role: Role
  let initialValue: Double

  /// A slot that starts as zeros or as `initialValue` everywhere, or, with the role `parameterCopy`, as a copy of the
  /// parameter. Only structural values may decide `initialValue`.
  public init(_ name: StaticString, _ role: Role, initialValue: Double = 0) {
    self.name = name
    self.role = role
    self.initialValue = initialValue
  }

  /// The rule by which the host fills the slot.
  var initial: UInt32 {
    if role == .parameterCopy { return UInt32(OPTPLUG_INITIAL_PARAMETER) }
    return initialValue == 0 ? UInt32(OPTPLUG_INITIAL_ZERO) : UInt32(OPTPLUG_INITIAL_CONSTANT)
  }
}
