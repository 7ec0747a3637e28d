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

  /// A slot that starts as zeros, or, with the role `parameterCopy`, as a copy of the parameter.
  public init(_ name: StaticString, _ role: Role) {
    self.name = name
    self.role = role
  }
}
