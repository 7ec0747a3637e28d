// The parameters that one node sees, as the ABI shows them to its plugin.

import COptPlug
import BasicFoundation

/// A node's part of the parameters, numbered anew, and its table in C.
final class ParameterView {
  /// Places in the whole table, in order.
  let indices: [Int]
  /// Per parameter of the whole table, its number here.
  private let numbers: [Int32]
  private let entries: UnsafeMutablePointer<optplug_parameter>
  private let shapes: UnsafeMutablePointer<Int64>

  var span: optplug_span {
    optplug_span(
      data: entries, count: UInt32(indices.count), stride: UInt32(MemoryLayout<optplug_parameter>.stride))
  }

  init(_ table: ParameterTable, indices: [Int]) {
    self.indices = indices
    var numbers = Array(repeating: Int32(-1), count: table.parameters.count)
    for (number, place) in indices.enumerated() { numbers[place] = Int32(number) }
    self.numbers = numbers
    let parameters = indices.map { table.parameters[$0] }
    entries = .allocate(capacity: max(1, parameters.count))
    shapes = .allocate(capacity: max(1, parameters.reduce(0) { $0 + $1.shape.count }))
    var shape = shapes
    for (i, parameter) in parameters.enumerated() {
      for (axis, size) in parameter.shape.enumerated() { shape[axis] = Int64(size) }
      (entries + i).initialize(
        to: optplug_parameter(
          name: strdup(parameter.name), shape: parameter.shape.isEmpty ? nil : UnsafePointer(shape),
          count: Int64(parameter.count), ndim: UInt32(parameter.shape.count), group: UInt32(parameter.group),
          dtype: parameter.dtype.abi, reserved0: 0, device: optplug_device(type: OPTPLUG_DEVICE_CPU, id: 0)))
      shape += parameter.shape.count
    }
  }

  deinit {
    for i in indices.indices { free(UnsafeMutablePointer(mutating: entries[i].name)) }
    entries.deallocate()
    shapes.deallocate()
  }

  /// Whether the node sees the parameter at a place in the whole table.
  func contains(_ place: Int) -> Bool { numbers[place] >= 0 }

  /// The parameter's number for the node.
  func number(of place: Int) -> Int { Int(numbers[place]) }

  /// The parameter with a number, as the plugin sees it.
  func entry(_ number: Int) -> UnsafePointer<optplug_parameter> { UnsafePointer(entries + number) }
}
