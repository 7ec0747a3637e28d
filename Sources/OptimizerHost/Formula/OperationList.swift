// Reads the list of operations that a plugin hands out, and believes nothing of it.

import COptPlug

/// What one optimizer does to an element at one stage of a step, checked.
struct OperationList {
  private(set) var values: [Operation] = []
  /// What becomes of streams, all at once, by places of `values`; for the gradient, what the bases get.
  private(set) var results: [(stream: Stream, value: Int)] = []

  /// What a list may touch.
  struct Surroundings {
    /// Per slot of the node, whether a list may read and write it.
    let slots: [Bool]
    let hasGradient: Bool
    /// Whether it may give the bases another gradient.
    let changesGradient: Bool
  }

  struct Malformed: Error {
    let problem: String
  }

  /// An operation of a later minor.
  struct Unknown: Error {
    let code: UInt32
  }

  /// - Throws: `Malformed`, `Unknown` or `Refusal`.
  init(_ list: UnsafePointer<optplug_operations>, _ surroundings: Surroundings) throws {
    let constants = try Self.constantCount(list)
    let operations = try DescriptorCheck.elements(
      list.pointee.list, as: optplug_operation.self, least: OPTPLUG_OPERATION_SIZE_1_0, most: 4096,
      of: "operations")
    var reader = Reader(constants: UInt32(constants), surroundings: surroundings)
    for operation in operations { try reader.read(operation.pointee) }
    (values, results) = (reader.values, reader.results)
  }

  /// How many constants a list has, which must be known before they are read.
  /// - Throws: `Malformed`.
  static func constantCount(_ list: UnsafePointer<optplug_operations>) throws(Malformed) -> Int {
    guard list.pointee.struct_size >= OPTPLUG_OPERATIONS_SIZE_1_0 else {
      throw Malformed(
        problem: "its list of operations is \(list.pointee.struct_size) bytes, which is too short")
    }
    guard list.pointee.constant_count <= OPTPLUG_FORMULA_CONSTANTS else {
      throw Malformed(
        problem: "it has \(list.pointee.constant_count) constants, more than \(OPTPLUG_FORMULA_CONSTANTS)")
    }
    return Int(list.pointee.constant_count)
  }

  private struct Reader {
    let constants: UInt32
    let surroundings: Surroundings
    var values: [Operation] = []
    var results: [(stream: Stream, value: Int)] = []
    /// Per operation of the plugin, the place of its value; nil for one that makes none.
    private var places: [Int?] = []

    init(constants: UInt32, surroundings: Surroundings) {
      self.constants = constants
      self.surroundings = surroundings
    }

    private func wrong(_ operation: optplug_operation, _ problem: String) -> Malformed {
      Malformed(problem: "operation \(places.count) (code \(operation.code)) \(problem)")
    }

    mutating func read(_ raw: optplug_operation) throws {
      switch raw.code {
      case OPTPLUG_OPERATION_SET_PARAMETER: try set(.parameter, raw, operands: 1)
      case OPTPLUG_OPERATION_SET_SLOT: try set(.slot(slot(raw.b, raw)), raw, operands: 2)
      case OPTPLUG_OPERATION_SET_GRADIENT:
        guard surroundings.changesGradient else {
          throw wrong(
            raw, "gives the bases a gradient, which only a wrapper may that says so, before they work")
        }
        try set(.gradient, raw, operands: 1)
      default:
        values.append(try value(raw))
        places.append(values.count - 1)
      }
    }

    private mutating func set(_ stream: Stream, _ raw: optplug_operation, operands: Int) throws {
      let value = try number(raw.a, raw)
      try checkRest(raw, operands: operands)
      guard !results.contains(where: { $0.stream == stream }) else {
        throw wrong(raw, "sets what is set already")
      }
      results.append((stream, value))
      places.append(nil)
    }

    private func value(_ raw: optplug_operation) throws -> Operation {
      let operation: Operation
      switch raw.code {
      case OPTPLUG_OPERATION_PARAMETER: operation = .load(.parameter)
      case OPTPLUG_OPERATION_GRADIENT:
        guard surroundings.hasGradient else { throw wrong(raw, "reads a gradient where there is none") }
        operation = .load(.gradient)
      case OPTPLUG_OPERATION_SLOT: operation = .load(.slot(try slot(raw.a, raw)))
      case OPTPLUG_OPERATION_CONSTANT:
        guard raw.a < constants else { throw wrong(raw, "reads constant \(raw.a) of \(constants)") }
        operation = .constant(Int(raw.a))
      case OPTPLUG_OPERATION_FMA:
        operation = .fma(try number(raw.a, raw), try number(raw.b, raw), try number(raw.c, raw))
      case OPTPLUG_OPERATION_SELECT:
        operation = .select(try truth(raw.a, raw), try number(raw.b, raw), try number(raw.c, raw))
      default:
        if let unary = Operation.Unary(rawValue: raw.code) {
          operation = .unary(unary, try number(raw.a, raw))
        } else if let binary = Operation.Binary(rawValue: raw.code) {
          operation = .binary(binary, try number(raw.a, raw), try number(raw.b, raw))
        } else if let comparison = Operation.Comparison(rawValue: raw.code) {
          operation = .compare(comparison, try number(raw.a, raw), try number(raw.b, raw))
        } else {
          throw Unknown(code: raw.code)
        }
      }
      let hasIndex = raw.code == OPTPLUG_OPERATION_SLOT || raw.code == OPTPLUG_OPERATION_CONSTANT
      try checkRest(raw, operands: hasIndex ? 1 : operation.operands.count)
      return operation
    }

    private func checkRest(_ raw: optplug_operation, operands: Int) throws {
      guard [raw.a, raw.b, raw.c].dropFirst(operands).allSatisfy({ $0 == 0 }) else {
        throw wrong(raw, "has operands beyond its \(operands); they must be 0")
      }
    }

    private func slot(_ index: UInt32, _ raw: optplug_operation) throws -> Int {
      guard Int(index) < surroundings.slots.count else {
        throw wrong(raw, "names slot \(index) of \(surroundings.slots.count)")
      }
      guard surroundings.slots[Int(index)] else {
        throw wrong(raw, "names slot \(index), which is not the parameter's like or not yet to be touched")
      }
      return Int(index)
    }

    private func place(_ operand: UInt32, _ raw: optplug_operation) throws -> Int {
      guard Int(operand) < places.count else {
        throw wrong(raw, "takes value \(operand), which does not come before it")
      }
      guard let place = places[Int(operand)] else {
        throw wrong(raw, "takes value \(operand), but that operation makes none")
      }
      return place
    }

    private func number(_ operand: UInt32, _ raw: optplug_operation) throws -> Int {
      let place = try place(operand, raw)
      guard !values[place].isTruth else { throw wrong(raw, "takes value \(operand), a truth, for a number") }
      return place
    }

    private func truth(_ operand: UInt32, _ raw: optplug_operation) throws -> Int {
      let place = try place(operand, raw)
      guard values[place].isTruth else { throw wrong(raw, "takes value \(operand), a number, for a truth") }
      return place
    }
  }
}
