// One state slot of one parameter: what the plugin asked for, and the memory it got.

import COptPlug

/// A slot as planned. Its memory comes when the whole tree has been planned.
final class SlotRecord {
  let name: String
  let role: UInt32
  let dtype: DType
  let shape: [Int]
  /// Element i belongs to element i of the parameter.
  let isAsParameter: Bool
  private let initial: UInt32
  private let initialValue: Double
  private(set) var memory: UnsafeMutableRawPointer?

  var count: Int { shape.reduce(1, *) }
  var byteCount: Int { count * dtype.size }

  /// Checks what a plugin asks for.
  /// - Throws: `Refusal.descriptor`.
  init(_ request: optplug_slot, parameter: Parameter, granularity: Granularity) throws {
    let name = try DescriptorCheck.name(request.name, of: "a slot")
    func wrong(_ problem: String) -> Refusal {
      .descriptor("slot '\(name)' of '\(parameter.name)' \(problem)")
    }
    guard name != "step" else {
      throw wrong("may not be named 'step': the host saves its counter by that name")
    }
    guard request.role <= OPTPLUG_ROLE_PARAMETER_COPY else {
      throw wrong("has the unknown role \(request.role)")
    }
    let takesType = UInt32(request.dtype.code) == OPTPLUG_DTYPE_AS_PARAMETER
    guard let dtype = takesType ? parameter.dtype : DType(request.dtype) else {
      throw wrong("has an element type that this host does not know")
    }
    switch request.shape_rule {
    case OPTPLUG_SHAPE_AS_PARAMETER: shape = parameter.shape
    case OPTPLUG_SHAPE_EXPLICIT:
      guard granularity >= .tensor else { throw wrong("has its own shape, which needs whole tensors") }
      guard request.ndim <= 8, request.ndim == 0 || request.dims != nil else {
        throw wrong("has no valid shape")
      }
      shape = (0..<Int(request.ndim)).map { Int(request.dims[$0]) }
      // A size of 0 counts as 1 here: it would hide an overflow of the others' product.
      guard shape.allSatisfy({ $0 >= 0 && $0 < 1 << 40 }),
        shape.reduce(1.0, { $0 * Double(max(1, $1)) }) < 0x1p40
      else { throw wrong("has the impossible shape \(shape)") }
    default: throw wrong("has the unknown shape rule \(request.shape_rule)")
    }
    isAsParameter = request.shape_rule == OPTPLUG_SHAPE_AS_PARAMETER
    switch request.initial {
    case OPTPLUG_INITIAL_ZERO, OPTPLUG_INITIAL_CONSTANT: break
    case OPTPLUG_INITIAL_PARAMETER:
      guard isAsParameter, dtype == parameter.dtype else {
        throw wrong("starts as a copy of the parameter but differs from it in shape or type")
      }
    default: throw wrong("has the unknown initial value rule \(request.initial)")
    }
    self.name = name
    self.dtype = dtype
    role = request.role
    initial = request.initial
    initialValue = request.initial_value
  }

  /// Gives the slot its memory, which holds zeros.
  func place(at memory: UnsafeMutableRawPointer) { self.memory = memory }

  /// Whether zeros are the initial value, so that fresh memory need not be touched.
  var startsAtZero: Bool { initial == OPTPLUG_INITIAL_ZERO }

  /// Whether both start alike.
  func starts(as other: SlotRecord) -> Bool {
    initial == other.initial && initialValue.bitPattern == other.initialValue.bitPattern
  }

  /// Gives the slot its initial value, from the parameter as it is now.
  func reset(parameter: Parameter) {
    if let memory { reset(memory, from: parameter.values, count: count) }
  }

  /// Gives `count` elements at `place` their initial value, from those of the parameter at `values`.
  func reset(_ place: UnsafeMutableRawPointer, from values: UnsafeRawPointer, count: Int) {
    switch initial {
    case OPTPLUG_INITIAL_PARAMETER: place.copyMemory(from: values, byteCount: count * dtype.size)
    case OPTPLUG_INITIAL_CONSTANT: dtype.fill(place, count: count, with: initialValue)
    default: place.initializeMemory(as: UInt8.self, repeating: 0, count: count * dtype.size)
    }
  }
}
