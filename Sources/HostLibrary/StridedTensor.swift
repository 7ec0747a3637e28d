// Tensors that are not row-major: gathered before a step, scattered after it.

import COptPlugHost

/// Where the elements of a tensor lie.
struct Layout: Equatable {
  let shape: [Int]
  /// Elements from one index to the next.
  let strides: [Int]

  /// - Throws: `HostError` when a stride is negative or an element is there twice.
  init(shape: [Int], strides: UnsafePointer<Int64>?, of name: String) throws {
    self.shape = shape
    guard let strides else {
      self.strides = Self.rowMajor(shape)
      return
    }
    self.strides = shape.indices.map { Int(strides[$0]) }
    try check("parameters: '\(name)'", sharing: false)
  }

  /// Where a gradient lies, of which elements may be there twice, as of one that was expanded.
  /// - Throws: `HostError` when a stride is negative.
  init(gradient shape: [Int], strides: UnsafePointer<Int64>, of name: String) throws {
    self.shape = shape
    self.strides = shape.indices.map { Int(strides[$0]) }
    try check("gradients: that of '\(name)'", sharing: true)
  }

  /// - Parameter sharing: whether elements may be there twice.
  private func check(_ what: String, sharing: Bool) throws {
    guard !isEmpty else { return }
    func wrong(_ problem: String) -> HostError {
      .argument("\(what) has the strides \(strides) for the shape \(shape), \(problem)")
    }
    // An axis must step over all that the finer ones reach.
    var reach = 0
    for (stride, size) in zip(strides, shape).sorted(by: { $0 < $1 }) where size > 1 {
      guard stride >= 0 else { throw wrong("but they must be 0 or more") }
      guard sharing || stride > reach else {
        throw wrong("so that elements may share memory; hand in a tensor of its own")
      }
      let (extent, overflow) = stride.multipliedReportingOverflow(by: size - 1)
      guard !overflow, extent < 1 << 59, reach < 1 << 59 else { throw wrong("more than memory has") }
      reach += extent
    }
  }

  /// Whether there is no element.
  var isEmpty: Bool { shape.contains(0) }

  private static func rowMajor(_ shape: [Int]) -> [Int] {
    var strides = shape
    var next = 1
    for axis in shape.indices.reversed() {
      strides[axis] = next
      next = next.multipliedReportingOverflow(by: max(1, shape[axis])).partialValue
    }
    return strides
  }

  /// Whether elements lie one after another in the order of their indices.
  var isRowMajor: Bool {
    if isEmpty { return true }
    return zip(shape.indices, Self.rowMajor(shape)).allSatisfy { shape[$0] == 1 || strides[$0] == $1 }
  }

  /// Copies between the tensor and row-major memory.
  func copy(
    _ tensor: UnsafeMutableRawPointer, _ dense: UnsafeMutableRawPointer, elementSize: Int, gathers: Bool
  ) {
    switch elementSize {
    case 2: copy(tensor, dense, UInt16.self, gathers)
    case 4: copy(tensor, dense, UInt32.self, gathers)
    default: copy(tensor, dense, UInt64.self, gathers)
    }
  }

  private func copy<T>(
    _ tensor: UnsafeMutableRawPointer, _ dense: UnsafeMutableRawPointer, _: T.Type, _ gathers: Bool
  ) {
    let tensor = tensor.assumingMemoryBound(to: T.self)
    var dense = dense.assumingMemoryBound(to: T.self)
    guard let innerSize = shape.last, let innerStride = strides.last else {
      if gathers { dense.pointee = tensor.pointee } else { tensor.pointee = dense.pointee }
      return
    }
    guard !isEmpty else { return }
    let outer = shape.count - 1
    var index = [Int](repeating: 0, count: outer)
    var row = tensor
    while true {
      if gathers {
        for i in 0..<innerSize { dense[i] = row[i * innerStride] }
      } else {
        for i in 0..<innerSize { row[i * innerStride] = dense[i] }
      }
      dense += innerSize
      var axis = outer - 1
      while axis >= 0 {
        index[axis] += 1
        row += strides[axis]
        if index[axis] < shape[axis] { break }
        row -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}
