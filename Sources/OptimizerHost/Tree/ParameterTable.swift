// The parameters as the ABI shows them to plugins.

import COptPlug
import Foundation

/// The checked parameters and their table in C.
final class ParameterTable {
  let parameters: [Parameter]
  let groupCount: Int
  /// Places of the parameters as they are stepped.
  let order: [Int]
  private let entries: UnsafeMutablePointer<optplug_parameter>
  private let shapes: UnsafeMutablePointer<Int64>

  var span: optplug_span {
    optplug_span(
      data: entries, count: UInt32(parameters.count), stride: UInt32(MemoryLayout<optplug_parameter>.stride))
  }

  /// - Throws: `OptimizerError.parameters`.
  init(_ parameters: [Parameter], groupCount: Int) throws {
    try Self.check(parameters, groupCount: groupCount)
    self.parameters = parameters
    self.groupCount = groupCount
    order = layoutOrder(parameters.map { ($0.dtype, $0.group) })
    entries = .allocate(capacity: max(1, parameters.count))
    shapes = .allocate(capacity: max(1, parameters.reduce(0) { $0 + $1.shape.count }))
    var shape = shapes
    for (i, parameter) in parameters.enumerated() {
      for size in parameter.shape.enumerated() { shape[size.offset] = Int64(size.element) }
      (entries + i).initialize(
        to: optplug_parameter(
          name: strdup(parameter.name), shape: parameter.shape.isEmpty ? nil : UnsafePointer(shape),
          count: Int64(parameter.count), ndim: UInt32(parameter.shape.count), group: UInt32(parameter.group),
          dtype: parameter.dtype.abi, reserved0: 0, device: optplug_device(type: OPTPLUG_DEVICE_CPU, id: 0)))
      shape += parameter.shape.count
    }
  }

  deinit {
    for i in parameters.indices { free(UnsafeMutablePointer(mutating: entries[i].name)) }
    entries.deallocate()
    shapes.deallocate()
  }

  private static func check(_ parameters: [Parameter], groupCount: Int) throws {
    guard groupCount > 0 else {
      throw OptimizerError.parameters("there is no parameter group; hand in at least one")
    }
    guard parameters.count < 1 << 24 else { throw OptimizerError.parameters("more than 16 million tensors") }
    for parameter in parameters {
      let name = parameter.name
      guard !name.isEmpty, !name.contains("/"), !name.utf8.contains(0), name != "optimizer" else {
        throw OptimizerError.parameters("'\(name)' cannot name a parameter; use a non-empty name without '/'")
      }
      guard parameter.shape.allSatisfy({ $0 >= 0 }), parameter.shape.count <= 64 else {
        throw OptimizerError.parameters("'\(name)' has the impossible shape \(parameter.shape)")
      }
      guard byteCount(parameter.shape, parameter.dtype) != nil else {
        throw OptimizerError.parameters(
          "'\(name)' has more elements than memory has bytes: \(parameter.shape)")
      }
      guard parameter.group >= 0, parameter.group < groupCount else {
        throw OptimizerError.parameters(
          "'\(name)' is in group \(parameter.group), but there are \(groupCount)")
      }
      guard parameter.dtype.capability != nil else {
        throw OptimizerError.parameters(
          "'\(name)' is \(parameter.dtype); only float32 and float64 can be trained")
      }
    }
    if let twice = firstDuplicate(parameters.map(\.name)) {
      throw OptimizerError.parameters("two are named '\(twice)'; names must be unique")
    }
  }
}
