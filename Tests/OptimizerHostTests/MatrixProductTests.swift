// The host's matrix product against plain loops, and what it refuses.

import COptPlug
import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

/// A matrix in memory of its own, with room behind each row.
private final class Stored<T: BitPatterned> {
  let rows, columns, stride: Int
  var elements: [T]

  init(rows: Int, columns: Int, padding: Int, stream: Int) {
    (self.rows, self.columns, stride) = (rows, columns, max(1, columns + padding))
    elements = mixedValues(stream: stream, count: rows * stride)
  }

  func call<R>(transposed: Bool, _ body: (optplug_matrix) -> R) -> R {
    elements.withUnsafeMutableBytes { bytes in
      body(
        optplug_matrix(
          elements: bytes.baseAddress, rows: Int64(rows), columns: Int64(columns), stride: Int64(stride),
          transposed: transposed ? 1 : 0, reserved0: 0))
    }
  }
}

@Suite(.enabled(if: BLAS.shared != nil, "this machine has no BLAS")) struct MatrixProductTests {
  struct Case: Sendable {
    let m, n, k: Int
    let transposesA, transposesB: Bool
    let padding: Int
  }

  static let cases: [Case] = [
    (1, 1, 1), (3, 5, 7), (40, 1, 9), (1, 40, 9), (300, 20, 64), (20, 600, 33), (5, 4, 0),
  ]
  .flatMap { m, n, k in
    (0..<8).map { i in
      Case(m: m, n: n, k: k, transposesA: i & 1 == 1, transposesB: i & 2 == 2, padding: i & 4 == 4 ? 3 : 0)
    }
  }

  private func table() throws -> optplug_matrix_product {
    try #require(hostInterface.pointee.get_extension?(hostInterface, OPTPLUG_EXTENSION_MATRIX_PRODUCT))
      .assumingMemoryBound(to: optplug_matrix_product.self).pointee
  }

  private func check<T: BitPatterned>(_ shape: Case, alpha: Double, beta: Double, _: T.Type) throws {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    func stored(_ rows: Int, _ columns: Int, _ transposed: Bool, _ stream: Int) -> Stored<T> {
      Stored(
        rows: transposed ? columns : rows, columns: transposed ? rows : columns, padding: shape.padding,
        stream: stream)
    }
    let (a, b) = (stored(m, k, shape.transposesA, 1), stored(k, n, shape.transposesB, 2))
    let c = Stored<T>(rows: m, columns: n, padding: shape.padding, stream: 3)
    if beta == 0 { for i in 0..<m { for j in 0..<n { c.elements[i * c.stride + j] = .nan } } }
    let before = c.elements
    let table = try table()
    let status = a.call(transposed: shape.transposesA) { a in
      b.call(transposed: shape.transposesB) { b in
        c.call(transposed: false) { c in
          withUnsafePointer(to: a) { a in
            withUnsafePointer(to: b) { b in
              withUnsafePointer(to: c) { c in
                table.multiply(
                  hostInterface, (T.self == Float.self ? DType.float32 : .float64).abi, alpha, a, b, beta, c)
              }
            }
          }
        }
      }
    }
    #expect(status == OPTPLUG_OK)
    // Each sum of k products of numbers below 1 rounds k + 2 times at most.
    let tolerance = Double(T.ulpOfOne) * Double(k + 2) * Double(k + 1)
    for i in 0..<m {
      for j in 0..<c.stride {
        let place = i * c.stride + j
        guard j < n else {
          #expect(c.elements[place] == before[place], "written between the rows")
          continue
        }
        var sum = 0.0
        for l in 0..<k {
          sum +=
            Double(a.elements[shape.transposesA ? l * a.stride + i : i * a.stride + l])
            * Double(b.elements[shape.transposesB ? j * b.stride + l : l * b.stride + j])
        }
        let expected = alpha * sum + (beta == 0 ? 0 : beta * Double(before[place]))
        guard abs(Double(c.elements[place]) - expected) <= tolerance else {
          Issue.record("\(shape) at \(i), \(j): \(c.elements[place]), not \(expected)")
          return
        }
      }
    }
  }

  /// With beta 0 the result's old content, here not a number, must not show.
  @Test(arguments: cases) func likePlainLoops(_ shape: Case) throws {
    for (alpha, beta) in [(1.0, 0.0), (-2, 0), (0.5, 1), (1, -0.25)] {
      try check(shape, alpha: alpha, beta: beta, Float.self)
      try check(shape, alpha: alpha, beta: beta, Double.self)
    }
  }

  @Test func wrongShapesAndTypesAreRefused() throws {
    let table = try table()
    var memory = [Float](repeating: 1, count: 64)
    func status(
      _ a: (Int64, Int64), _ b: (Int64, Int64), _ c: (Int64, Int64), dtype: DType = .float32,
      change: (inout optplug_matrix) -> Void = { _ in }
    ) -> optplug_status {
      memory.withUnsafeMutableBytes { bytes in
        func matrix(_ shape: (Int64, Int64)) -> optplug_matrix {
          optplug_matrix(
            elements: bytes.baseAddress, rows: shape.0, columns: shape.1, stride: max(1, shape.1),
            transposed: 0,
            reserved0: 0)
        }
        var (a, b, c) = (matrix(a), matrix(b), matrix(c))
        // The result lies apart from the factors.
        c.elements = bytes.baseAddress.map { $0 + 128 }
        change(&c)
        return table.multiply(hostInterface, dtype.abi, 1, &a, &b, 0, &c)
      }
    }
    #expect(status((2, 3), (3, 4), (2, 4)) == OPTPLUG_OK)
    #expect(status((2, 3), (4, 3), (2, 4)) == OPTPLUG_INVALID_ARGUMENT)
    #expect(status((2, 3), (3, 4), (4, 2)) == OPTPLUG_INVALID_ARGUMENT)
    #expect(status((2, 3), (3, 4), (3, 4)) == OPTPLUG_INVALID_ARGUMENT)
    for dtype in DType.allCases where dtype != .float32 && dtype != .float64 {
      #expect(status((2, 3), (3, 4), (2, 4), dtype: dtype) == OPTPLUG_INVALID_ARGUMENT)
    }
    for change: (inout optplug_matrix) -> Void in [
      { $0.elements = nil }, { $0.stride = 3 }, { $0.rows = -2 }, { $0.columns = 1 << 40 },
      { $0.transposed = 1 },
      { $0.transposed = 2 }, { $0.stride = 1 << 40 },
    ] {
      #expect(status((2, 3), (3, 4), (2, 4), change: change) == OPTPLUG_INVALID_ARGUMENT)
    }
    #expect(table.multiply(hostInterface, DType.float32.abi, 1, nil, nil, 0, nil) == OPTPLUG_INVALID_ARGUMENT)
    #expect(status((0, 3), (3, 4), (0, 4)) == OPTPLUG_OK)
  }

  /// Shared out over more or fewer threads, by one caller or by several at once.
  @Test func bitsDoNotDependOnThreads() throws {
    let blas = try #require(BLAS.shared)
    let (m, n, k) = (700, 300, 100)
    nonisolated(unsafe) let a = Tensor<Float>("a", mixedValues(stream: 1, count: m * k))
    nonisolated(unsafe) let b = Tensor<Float>("b", mixedValues(stream: 2, count: k * n))
    @Sendable func matrix(_ tensor: Tensor<Float>, _ rows: Int, _ columns: Int) -> optplug_matrix {
      optplug_matrix(
        elements: UnsafeMutableRawPointer(mutating: tensor.pointer), rows: Int64(rows),
        columns: Int64(columns),
        stride: Int64(columns), transposed: 0, reserved0: 0)
    }
    @Sendable func product() -> String {
      let c = Tensor<Float>("c", [Float](repeating: .nan, count: m * n))
      let status = blas.multiply(DType.float32.abi, 1, matrix(a, m, k), matrix(b, k, n), 0, matrix(c, m, n))
      return status == OPTPLUG_OK ? digest(c.values) : "refused"
    }
    let alone = product()
    #expect(alone != "refused")
    let isDone = Locked(false)
    let helpers = (0..<3).map { _ in
      let thread = Thread { SharedLoops.help { !isDone.withLock { $0 } } }
      thread.start()
      return thread
    }
    for _ in 0..<20 { #expect(product() == alone) }
    let together = Locked<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 12) { _ in
      let made = product()
      together.withLock { $0.append(made) }
    }
    isDone.withLock { $0 = true }
    #expect(together.withLock { $0 } == Array(repeating: alone, count: 12))
    #expect(helpers.count == 3)
  }

  /// A library that was built without threads gets one piece at a time, another one several.
  @Test(arguments: [0, 1]) func libraryWithoutThreadsIsCalledByOne(parallel: Int) throws {
    let library = try CPlugin.compile(
      source: Repository.file("Tests/OptimizerHostTests/Fixtures/blas.c"), flags: ["-DPARALLEL=\(parallel)"])
    let blas = try #require(BLAS(library: library.path))
    var memory = [Float](repeating: 0, count: 4)
    memory.withUnsafeMutableBytes { bytes in
      nonisolated(unsafe) let base = bytes.baseAddress
      @Sendable func matrix(_ place: Int) -> optplug_matrix {
        optplug_matrix(
          elements: base.map { $0 + 4 * place }, rows: 1, columns: 1, stride: 1, transposed: 0, reserved0: 0)
      }
      // Threads of their own: the queues' ones may all be taken by other tests.
      let threads = Locked(8)
      for _ in 0..<8 {
        Thread {
          _ = blas.multiply(DType.float32.abi, 1, matrix(0), matrix(1), 0, matrix(2))
          threads.withLock { $0 -= 1 }
        }.start()
      }
      while threads.withLock({ $0 > 0 }) { usleep(1000) }
    }
    let handle = try #require(dlopen(library.path, RTLD_NOW))
    let most = try #require(dlsym(handle, "most_callers")).assumingMemoryBound(to: Int32.self).pointee
    #expect(parallel == 0 ? most == 1 : most == 8)
  }

  @Test func aLibraryWithoutTheInterfaceIsNone() {
    #expect(BLAS(library: "libno-such-thing.so.0") == nil)
    #expect(BLAS(library: "libm.so.6") == nil)
  }
}
