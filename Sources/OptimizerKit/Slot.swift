// State slots as an author asks for them.

import COptPlug

/// An array of state of one parameter, mostly with one element for each of the parameter's, in the parameter's type.
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

  /// The type of a slot's elements.
  public enum ElementType {
    /// The parameter's own.
    case asParameter
    case uint8, int64, float32, float64

    var code: optplug_dtype {
      switch self {
      case .asParameter: optplug_dtype(code: UInt8(OPTPLUG_DTYPE_AS_PARAMETER), bits: 0, lanes: 1)
      case .uint8: optplug_dtype(code: UInt8(OPTPLUG_DTYPE_UINT), bits: 8, lanes: 1)
      case .int64: optplug_dtype(code: UInt8(OPTPLUG_DTYPE_INT), bits: 64, lanes: 1)
      case .float32: optplug_dtype(code: UInt8(OPTPLUG_DTYPE_FLOAT), bits: 32, lanes: 1)
      case .float64: optplug_dtype(code: UInt8(OPTPLUG_DTYPE_FLOAT), bits: 64, lanes: 1)
      }
    }
  }

  /// How many elements a slot has.
  public enum Extent {
    /// One for each element of the parameter.
    case elements
    /// One for each block of elements. Only for a `BlockFormula`.
    case blocks
    /// A shape of its own, of at most 8 sizes. Only for a `TensorFormula`.
    case sizes([Int])

    var rule: UInt32 {
      switch self {
      case .elements: UInt32(OPTPLUG_SHAPE_AS_PARAMETER)
      case .blocks: UInt32(OPTPLUG_SHAPE_PER_BLOCK)
      case .sizes: UInt32(OPTPLUG_SHAPE_EXPLICIT)
      }
    }

    var dims: [Int64] {
      if case .sizes(let sizes) = self { return sizes.map { Int64($0) } }
      return []
    }
  }

  let name: StaticString
  let role: Role
  let initialValue: Double
  let type: ElementType
  let extent: Extent

  /// A slot that starts as zeros or as `initialValue` everywhere, or, with the role `parameterCopy`, as a copy of the
  /// parameter. Only structural values may decide `initialValue`.
  public init(_ name: StaticString, _ role: Role, initialValue: Double = 0) {
    self.name = name
    self.role = role
    self.initialValue = initialValue
    type = .asParameter
    extent = .elements
  }

  /// A slot of another type or extent, for a `BlockFormula` or a `TensorFormula`. It starts as zeros.
  public init(_ name: StaticString, _ role: Role, type: ElementType, extent: Extent = .elements) {
    self.name = name
    self.role = role
    initialValue = 0
    self.type = type
    self.extent = extent
  }

  /// The rule by which the host fills the slot.
  var initial: UInt32 {
    if role == .parameterCopy { return UInt32(OPTPLUG_INITIAL_PARAMETER) }
    return initialValue == 0 ? UInt32(OPTPLUG_INITIAL_ZERO) : UInt32(OPTPLUG_INITIAL_CONSTANT)
  }
}
