// Parameters and gradients with numbers in them that every contender computes alike.

import Foundation
import OptimizerHost

/// The tensors of a case and their gradients.
final class TensorMemory {
  let parameters: [Parameter]
  let gradients: [UnsafeRawPointer?]
  private let arena: ParameterArena?
  private let blocks: [UnsafeMutableRawPointer]

  init(_ shapes: [[Int]], dtype: DType = .float32, layout: StepCase.Layout) throws {
    guard try elementCount(shapes) > 0 else { throw Refusal("the tensors have no elements") }
    let writable: [UnsafeMutableRawPointer]
    switch layout {
    case .arena:
      let arena = try ParameterArena(
        shapes.enumerated().map { .init(name: "tensor\($0.offset)", shape: $0.element, dtype: dtype) })
      self.arena = arena
      blocks = []
      parameters = arena.parameters
      writable = arena.gradients
    case .foreign:
      arena = nil
      // In turns, as a trainer that makes one tensor after another, each with its gradient.
      blocks = try shapes.flatMap { shape in
        try (0..<2).map { _ in try allocate(byteCount: shape.reduce(1, *) * dtype.size) }
      }
      let blocks = blocks
      parameters = shapes.enumerated().map { i, shape in
        Parameter(name: "tensor\(i)", shape: shape, dtype: dtype, values: blocks[2 * i])
      }
      writable = shapes.indices.map { blocks[2 * $0 + 1] }
    }
    gradients = writable.map { UnsafeRawPointer($0) }
    var start = 0
    for (parameter, gradient) in zip(parameters, writable) {
      if dtype == .float64 {
        fill(parameter, gradient, from: start, as: Double.self)
      } else {
        fill(parameter, gradient, from: start, as: Float.self)
      }
      start += parameter.count
    }
  }

  deinit { for block in blocks { free(block) } }

  /// All parameters in order.
  var bytes: Data {
    parameters.reduce(into: Data()) { data, parameter in
      data.append(
        parameter.values.assumingMemoryBound(to: UInt8.self), count: parameter.count * parameter.dtype.size)
    }
  }
}

/// - Throws: `Refusal` when a shape is impossible or there are too many elements.
func elementCount(_ shapes: [[Int]]) throws -> Int {
  try shapes.reduce(0) { total, shape in
    let count = shape.reduce(Optional(1)) { product, size in
      guard let product, size >= 0, size < 1 << 32, product < 1 << 32 else { return nil }
      return product * size
    }
    guard let count, total + count < 1 << 32 else {
      throw Refusal("the tensor \(shape) is impossible or makes too many elements")
    }
    return total + count
  }
}

private func allocate(byteCount: Int) throws -> UnsafeMutableRawPointer {
  var block: UnsafeMutableRawPointer?
  guard posix_memalign(&block, 64, max(64, byteCount)) == 0, let block else {
    throw Refusal("there is no memory for \(byteCount) bytes")
  }
  return block
}

/// Numbers from a multiplicative hash of the element's place among all elements, which any language can make.
private func fill<T: BinaryFloatingPoint>(
  _ parameter: Parameter, _ gradient: UnsafeMutableRawPointer, from start: Int, as type: T.Type
) {
  let values = parameter.values.assumingMemoryBound(to: type)
  let gradients = gradient.assumingMemoryBound(to: type)
  func unit(_ bits: UInt32) -> Float { Float(bits >> 8) / 16_777_216 - 0.5 }
  for j in 0..<parameter.count {
    let i = UInt32(truncatingIfNeeded: start + j)
    values[j] = T(unit(i &* 2_654_435_761))
    gradients[j] = T(unit((i &+ 1) &* 2_246_822_519) / 64)
  }
}
