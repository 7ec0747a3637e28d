// Tensors as other languages keep them: any type, any strides.

import COptPlugHost
import OptimizerHost
import TestSupport

/// A tensor in memory of its own.
final class TensorMemory {
  let name: String
  let dtype: DType
  let shape: [Int]
  /// Elements from one index to the next; nil: row-major.
  let strides: [Int]?
  let group: Int
  let base: UnsafeMutableRawPointer
  private let byteCount: Int

  /// - Parameters:
  ///   - values: row-major, of the type.
  ///   - offset: elements in front of the first, as of a slice.
  init(
    _ name: String, _ dtype: DType, _ shape: [Int], strides: [Int]? = nil, offset: Int = 0, group: Int = 0,
    values: [UInt8]
  ) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.strides = strides
    self.group = group
    let reach = zip(strides ?? [], shape).reduce(0) { $0 + $1.0 * max(0, $1.1 - 1) }
    byteCount = (offset + max(reach + 1, shape.reduce(1, *))) * dtype.size
    let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    // What lies between the elements must stay as it is.
    memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: byteCount)
    base = memory + offset * dtype.size
    start = memory
    self.values = values
  }

  private let start: UnsafeMutableRawPointer

  deinit { start.deallocate() }

  /// Row-major.
  var values: [UInt8] {
    get {
      places.flatMap { place in (0..<dtype.size).map { base.load(fromByteOffset: place + $0, as: UInt8.self) }
      }
    }
    set {
      for (i, place) in places.enumerated() {
        for byte in 0..<dtype.size {
          base.storeBytes(of: newValue[i * dtype.size + byte], toByteOffset: place + byte, as: UInt8.self)
        }
      }
    }
  }

  /// Bytes between the elements that somebody wrote.
  var strayWrites: Int {
    let own = Set(places.map { base - start + $0 }.flatMap { $0..<($0 + dtype.size) })
    return (0..<byteCount).filter {
      !own.contains($0) && start.load(fromByteOffset: $0, as: UInt8.self) != 0xA5
    }
    .count
  }

  /// The first bytes of the elements, row-major.
  private var places: [Int] {
    var places = [0]
    var dense = 1
    let rowMajor = Array(
      shape.reversed().map { size in
        defer { dense *= size }; return dense
      }.reversed())
    for (size, stride) in zip(shape, strides ?? rowMajor) {
      places = places.flatMap { place in (0..<size).map { place + $0 * stride } }
    }
    return places.map { $0 * dtype.size }
  }

  /// As the Swift library takes it; row-major ones only.
  var parameter: Parameter {
    Parameter(name: name, shape: shape, dtype: dtype, values: base, group: group)
  }

  var floats: [Float] { values.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }
}

/// Numbers of a type, a few of them large and most small; `stream` tells arrays apart.
func numbers(_ dtype: DType, _ count: Int, stream: Int) -> [UInt8] {
  switch dtype {
  case .float64: mixedValues(stream: stream, count: count, as: Double.self).bytes
  case .bfloat16:
    mixedValues(stream: stream, count: count, as: Float.self).map { UInt16($0.bitPattern >> 16) }.bytes
  case .float16:
    // Exponents from 2^-7 to 1.
    (0..<count).map { i in
      let r = splitMix(UInt64(i) &+ UInt64(stream) << 32)
      return UInt16(truncatingIfNeeded: r & 0x83FF | (8 + r >> 20 & 7) << 10)
    }.bytes
  default: mixedValues(stream: stream, count: count, as: Float.self).bytes
  }
}

extension Array {
  /// As they lie in memory.
  var bytes: [UInt8] { withUnsafeBytes { Array<UInt8>($0) } }
}
