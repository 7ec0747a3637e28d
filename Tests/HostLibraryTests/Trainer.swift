// A trainer around the library, and the same one around the Swift library.

import COptPlugHost
import Foundation
import OptimizerHost
import TestSupport

/// C strings and arrays that live as long as the object.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { for block in blocks { block.deallocate() } }

  func array<T: BitwiseCopyable>(_ elements: [T]) -> UnsafeMutablePointer<T> {
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, elements.count) * MemoryLayout<T>.stride, alignment: 64)
    blocks.append(block)
    let array = block.bindMemory(to: T.self, capacity: max(1, elements.count))
    array.initialize(from: elements, count: elements.count)
    return array
  }

  func text(_ text: String) -> UnsafePointer<CChar> {
    UnsafePointer(array(text.utf8CString.map { $0 }))
  }

  func span<T: BitwiseCopyable>(_ elements: [T]) -> optplug_span {
    optplug_span(data: array(elements), count: UInt32(elements.count), stride: size(T.self))
  }
}

/// What a test hands to `optplug_host_open`, to be changed before.
struct Options {
  let arena = Arena()
  var raw: optplug_host_options

  init(
    _ expression: String, _ tensors: [TensorMemory] = [], groups: UInt32 = 0,
    settings: [(group: UInt32, name: String, value: String)] = [], threads: UInt32 = 1
  ) {
    let arena = arena
    raw = optplug_host_options(
      struct_size: size(optplug_host_options.self), group_count: groups, expression: arena.text(expression),
      search_path: arena.text(BuildProducts.directory.path),
      probe: arena.text(BuildProducts.directory.appendingPathComponent("optplug-probe").path),
      parameters: arena.span(tensors.map { Self.parameter($0, arena) }),
      settings: arena.span(
        settings.map {
          optplug_host_setting(
            struct_size: size(optplug_host_setting.self), group: $0.group, name: arena.text($0.name),
            value: arena.text($0.value))
        }), seed: 0, threads: threads, flags: 0)
  }

  static func parameter(_ tensor: TensorMemory, _ arena: Arena) -> optplug_host_parameter {
    optplug_host_parameter(
      struct_size: size(optplug_host_parameter.self), group: UInt32(tensor.group),
      name: arena.text(tensor.name), data: tensor.shape.contains(0) ? nil : tensor.base,
      shape: tensor.shape.isEmpty ? nil : UnsafePointer(arena.array(tensor.shape.map(Int64.init))),
      strides: tensor.strides.map { UnsafePointer(arena.array($0.map(Int64.init))) },
      ndim: UInt32(tensor.shape.count), dtype: tensor.dtype.dlpack)
  }

  func open() throws(Failure) -> OpaquePointer? {
    var optimizer: OpaquePointer?
    var raw = raw
    try call { Library.open(&raw, &optimizer, $0) }
    return optimizer
  }
}

/// An optimizer of the library and its tensors.
final class Trainer {
  let optimizer: OpaquePointer?
  let tensors: [TensorMemory]

  init(_ options: Options, _ tensors: [TensorMemory]) throws(Failure) {
    optimizer = try options.open()
    self.tensors = tensors
  }

  convenience init(_ expression: String, _ tensors: [TensorMemory], threads: UInt32 = 1) throws(Failure) {
    try self.init(Options(expression, tensors, threads: threads), tensors)
  }

  deinit { Library.close(optimizer) }

  /// A function that only takes the optimizer.
  func run(_ function: Library.OnOptimizer) throws(Failure) { try call { function(optimizer, $0) } }

  /// One step.
  /// - Returns: the arguments as the library left them.
  @discardableResult
  func step(
    _ gradients: [TensorMemory?], _ change: (inout optplug_host_step_arguments) -> Void = { _ in }
  ) throws(Failure) -> optplug_host_step_arguments {
    let arena = Arena()
    var arguments = optplug_host_step_arguments()
    arguments.struct_size = size(optplug_host_step_arguments.self)
    arguments.gradients = UnsafePointer(arena.array(gradients.map { $0.map { UnsafeRawPointer($0.base) } }))
    if gradients.contains(where: { $0?.strides != nil }) {
      arguments.gradient_strides = UnsafePointer(
        arena.array(
          gradients.map { gradient in
            gradient?.strides.map { UnsafePointer<Int64>(arena.array($0.map(Int64.init))) }
          }))
    }
    change(&arguments)
    defer { withExtendedLifetime((arena, gradients)) {} }
    try call { Library.step(optimizer, &arguments, $0) }
    return arguments
  }

  func view() throws(Failure) -> optplug_host_view {
    var view = optplug_host_view()
    view.struct_size = size(optplug_host_view.self)
    try call { Library.look(optimizer, &view, $0) }
    return view
  }

  func arrays() throws(Failure) -> [optplug_host_array] {
    try view().arrays.elements(as: optplug_host_array.self)
  }

  func save() throws(Failure) -> [UInt8] {
    var count: UInt64 = 0
    try call { Library.save(optimizer, nil, 0, &count, $0) }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    try call { Library.save(optimizer, &bytes, count, &count, $0) }
    return bytes
  }

  func restore(_ bytes: [UInt8]) throws(Failure) {
    try call { error in
      bytes.withUnsafeBytes { Library.restore(optimizer, $0.baseAddress, UInt64($0.count), error) }
    }
  }

  func set(_ name: String, to value: Double, group: UInt32 = OPTPLUG_HOST_ALL_GROUPS) throws(Failure) {
    var index: UInt32 = 0
    try call { error in name.withCString { Library.find(optimizer, $0, &index, error) } }
    try call { Library.set(optimizer, index, group, value, $0) }
  }

  func value(_ name: String, group: UInt32 = 0) throws(Failure) -> Double {
    var (index, value): (UInt32, Double) = (0, .nan)
    try call { error in name.withCString { Library.find(optimizer, $0, &index, error) } }
    try call { Library.get(optimizer, index, group, &value, $0) }
    return value
  }
}

extension optplug_span {
  /// Its elements, walked by the stride.
  func elements<T>(as _: T.Type) -> [T] {
    (0..<Int(count)).compactMap { data?.load(fromByteOffset: $0 * Int(stride), as: T.self) }
  }
}
