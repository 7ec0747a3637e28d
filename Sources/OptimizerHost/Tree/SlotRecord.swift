// One state slot: what the plugin asked for, and the memory it got.

import COptPlug

/// A slot of a parameter, or of the whole model, as planned. Its memory comes when the whole tree has been planned.
final class SlotRecord {
  /// How a slot's elements belong to those of the parameter.
  enum Extent: Hashable {
    /// Element i to element i.
    case elements
    /// Element i to the block i of so many elements.
    case blocks(Int)
    /// The slot to the parameter, or to the model.
    case whole
  }

  let name: String
  let role: UInt32
  let dtype: DType
  let shape: [Int]
  let extent: Extent
  private let initial: UInt32
  private let initialValue: Double
  private(set) var memory: UnsafeMutableRawPointer?

  var count: Int { shape.reduce(1, *) }
  var byteCount: Int { count * dtype.size }

  /// Element i belongs to element i of the parameter.
  var isAsParameter: Bool { extent == .elements }

  /// Names under which the host saves what is its own.
  private static let reserved = ["step": "its counter", "master": "32-bit weights"]

  /// Checks what a plugin asks for.
  /// - Parameter parameter: whose slot it is; nil for one of the whole model.
  /// - Throws: `Refusal.descriptor`.
  init(_ request: optplug_slot, parameter: Parameter?, granularity: Granularity) throws {
    let name = try DescriptorCheck.name(request.name, of: "a slot")
    func wrong(_ problem: String) -> Refusal {
      .descriptor("slot '\(name)' of \(parameter.map { "'\($0.name)'" } ?? "the model") \(problem)")
    }
    if let meaning = Self.reserved[name] {
      throw wrong("may not be named '\(name)': the host saves \(meaning) by that name")
    }
    let takesType = UInt32(request.dtype.code) == OPTPLUG_DTYPE_AS_PARAMETER
    guard let dtype = takesType ? parameter?.dtype : DType(request.dtype) else {
      throw wrong("has an element type that this host does not know")
    }
    switch (request.shape_rule, parameter, granularity) {
    case (OPTPLUG_SHAPE_AS_PARAMETER, let parameter?, _):
      (shape, extent) = (parameter.shape, .elements)
    case (OPTPLUG_SHAPE_PER_BLOCK, let parameter?, .block(let length)):
      (shape, extent) = ([(parameter.count + length - 1) / length], .blocks(length))
    case (OPTPLUG_SHAPE_PER_BLOCK, .some, _):
      throw wrong("has an element for each block, which needs blocks as granularity")
    case (OPTPLUG_SHAPE_EXPLICIT, let parameter, let granularity):
      guard parameter == nil || granularity >= .tensor else {
        throw wrong("has its own shape, which needs whole tensors")
      }
      guard request.ndim <= 8, request.ndim == 0 || request.dims != nil else {
        throw wrong("has no valid shape")
      }
      let shape = (0..<Int(request.ndim)).map { Int(request.dims[$0]) }
      // A size of 0 counts as 1 here: it would hide an overflow of the others' product.
      guard shape.allSatisfy({ $0 >= 0 && $0 < 1 << 40 }),
        shape.reduce(1.0, { $0 * Double(max(1, $1)) }) < 0x1p40
      else { throw wrong("has the impossible shape \(shape)") }
      (self.shape, extent) = (shape, .whole)
    case (OPTPLUG_SHAPE_AS_PARAMETER, nil, _), (OPTPLUG_SHAPE_PER_BLOCK, nil, _):
      throw wrong("has the shape of no parameter; give it dims")
    default: throw wrong("has the unknown shape rule \(request.shape_rule)")
    }
    switch request.initial {
    case OPTPLUG_INITIAL_ZERO, OPTPLUG_INITIAL_CONSTANT: break
    case OPTPLUG_INITIAL_PARAMETER:
      guard extent == .elements, dtype == parameter?.dtype else {
        throw wrong("starts as a copy of the parameter but differs from it in shape or type")
      }
    default: throw wrong("has the unknown initial value rule \(request.initial)")
    }
    self.name = name
    self.dtype = dtype
    // A role is a hint; one of a later header must not shut the plugin out.
    role = request.role <= OPTPLUG_ROLE_PARAMETER_COPY ? request.role : OPTPLUG_ROLE_OTHER
    initial = request.initial
    initialValue = request.initial_value
  }

  /// Gives the slot its memory, which holds zeros.
  func place(at memory: UnsafeMutableRawPointer) { self.memory = memory }

  /// What all elements are at first; nil for a copy of the parameter.
  var firstValue: Double? {
    switch initial {
    case OPTPLUG_INITIAL_PARAMETER: nil
    case OPTPLUG_INITIAL_CONSTANT: initialValue
    default: 0
    }
  }

  /// Whether zeros are the initial value, so that fresh memory need not be touched.
  var startsAtZero: Bool { initial == OPTPLUG_INITIAL_ZERO }

  /// Whether both start alike.
  func starts(as other: SlotRecord) -> Bool {
    initial == other.initial && initialValue.bitPattern == other.initialValue.bitPattern
  }

  /// Bytes from the slot's start to what a segment that begins at `element` of the parameter sees.
  func offset(at element: Int) -> Int {
    switch extent {
    case .elements: element * dtype.size
    case .blocks(let length): element / length * dtype.size
    case .whole: 0
    }
  }

  /// Gives the whole slot its initial value.
  /// - Parameter values: the parameter's first element, as it is now; needed by a slot that copies it.
  func reset(from values: UnsafeRawPointer?) {
    if let memory { reset(memory, from: values, count: count) }
  }

  /// Gives what a segment sees of the slot its initial value.
  /// - Parameters:
  ///   - place: the segment's pointer to the slot.
  ///   - values: the segment's first element.
  ///   - elements: of the segment.
  func reset(_ place: UnsafeMutableRawPointer, from values: UnsafeRawPointer, elements: Int) {
    let count =
      switch extent {
      case .elements: elements
      case .blocks(let length): (elements + length - 1) / length
      case .whole: count
      }
    reset(place, from: values, count: count)
  }

  private func reset(_ place: UnsafeMutableRawPointer, from values: UnsafeRawPointer?, count: Int) {
    switch initial {
    case OPTPLUG_INITIAL_PARAMETER:
      if let values { place.copyMemory(from: values, byteCount: count * dtype.size) }
    case OPTPLUG_INITIAL_CONSTANT: dtype.fill(place, count: count, with: initialValue)
    default: place.initializeMemory(as: UInt8.self, repeating: 0, count: count * dtype.size)
    }
  }
}
