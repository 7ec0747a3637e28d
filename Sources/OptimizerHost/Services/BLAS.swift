// Products of matrices by the machine's BLAS, found when a plugin first asks.

import COptPlug
import BasicFoundation

/// A library with the C interface of BLAS (https://www.netlib.org/blas/).
///
/// It is loaded at run time, so that hosts without matrix optimizers need none. It gets pieces of a fixed size, one
/// thread each, so that the number of threads changes no bit of the product. A library that does not say that several
/// threads may call it at once gets one piece at a time: OpenBLAS built without threads, as Debian's
/// libopenblas0-serial, computes wrong products otherwise (https://github.com/OpenMathLib/OpenBLAS/issues/2164).
struct BLAS: @unchecked Sendable {
  private typealias SGEMM =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafeRawPointer?, Int32, UnsafeRawPointer?, Int32,
      Float,
      UnsafeMutableRawPointer?, Int32
    ) -> Void
  private typealias DGEMM =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Double, UnsafeRawPointer?, Int32, UnsafeRawPointer?, Int32,
      Double,
      UnsafeMutableRawPointer?, Int32
    ) -> Void

  private let sgemm: SGEMM
  private let dgemm: DGEMM
  /// Held during a piece where the library may be called by one thread at a time.
  private let lock: Lock?

  /// Rows or columns of the result that one thread computes at a time.
  private static let panel = 256

  private static let candidates = [
    "libopenblas.so.0", "libblis.so.4", "libmkl_rt.so.2", "libblas.so.3", "libcblas.so.3",
    "/System/Library/Frameworks/Accelerate.framework/Accelerate",
  ]

  /// The first that this machine has; nil when it has none.
  static let shared: BLAS? = candidates.lazy.compactMap { BLAS(library: $0) }.first

  /// - Returns: nil when there is no such library or it lacks the interface.
  init?(library: String) {
    let handle = keepingFloatingPointMode { dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle, let single = dlsym(handle, "cblas_sgemm"), let double = dlsym(handle, "cblas_dgemm")
    else {
      return nil
    }
    // The threads are the host's.
    for name in ["openblas_set_num_threads", "MKL_Set_Num_Threads", "bli_thread_set_num_threads"] {
      if let symbol = dlsym(handle, name) {
        unsafeBitCast(symbol, to: (@convention(c) (Int) -> Void).self)(1)
      }
    }
    lock = Self.takesSeveralThreads(handle, library) ? nil : Lock()
    sgemm = unsafeBitCast(single, to: SGEMM.self)
    dgemm = unsafeBitCast(double, to: DGEMM.self)
  }

  private static func takesSeveralThreads(_ handle: UnsafeMutableRawPointer, _ library: String) -> Bool {
    if let symbol = dlsym(handle, "openblas_get_parallel") {
      // 0: built without threads, so without locks; 1: with threads of the system; 2: with those of OpenMP alone.
      return unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)() == 1
    }
    return dlsym(handle, "MKL_Set_Num_Threads") != nil || dlsym(handle, "bli_thread_set_num_threads") != nil
      || library.hasSuffix("/Accelerate")
  }

  /// c ← alpha a b + beta c, as the ABI states it.
  func multiply(
    _ dtype: optplug_dtype, _ alpha: Double, _ a: optplug_matrix, _ b: optplug_matrix, _ beta: Double,
    _ c: optplug_matrix
  ) -> optplug_status {
    guard let type = DType(dtype), type == .float32 || type == .float64 else {
      return OPTPLUG_INVALID_ARGUMENT
    }
    guard [a, b, c].allSatisfy(\.isValid), c.transposed == 0 else { return OPTPLUG_INVALID_ARGUMENT }
    let (m, n, k) = (a.shape.rows, b.shape.columns, a.shape.columns)
    guard b.shape.rows == k, c.rows == m, c.columns == n else { return OPTPLUG_INVALID_ARGUMENT }
    guard m > 0, n > 0 else { return OPTPLUG_OK }
    let splitsRows = m >= n
    let product = Product(
      blas: self, type: type, alpha: alpha, beta: beta, a: a, b: b, c: c, splitsRows: splitsRows)
    let panels = (Int(splitsRows ? m : n) + Self.panel - 1) / Self.panel
    withUnsafePointer(to: product) { product in
      SharedLoops.run(
        panels,
        { context, index in
          context?.assumingMemoryBound(to: Product.self).pointee.computePanel(Int64(index))
        }, UnsafeMutableRawPointer(mutating: product))
    }
    return OPTPLUG_OK
  }

  /// One product, computed panel by panel.
  private struct Product {
    let blas: BLAS
    let type: DType
    let alpha, beta: Double
    let a, b, c: optplug_matrix
    let splitsRows: Bool

    func computePanel(_ index: Int64) {
      let start = index * Int64(BLAS.panel)
      let (rows, columns) = splitsRows ? (start, 0) : (0, start)
      let m = splitsRows ? min(Int64(BLAS.panel), c.rows - start) : c.rows
      let n = splitsRows ? c.columns : min(Int64(BLAS.panel), c.columns - start)
      let k = a.shape.columns
      let (aStart, bStart) = (a.start(row: rows, column: 0, type), b.start(row: 0, column: columns, type))
      let cStart = c.start(row: rows, column: columns, type)
      let (rowMajor, plain, transposed) = (Int32(101), Int32(111), Int32(112))
      let (ta, tb) = (a.transposed == 1 ? transposed : plain, b.transposed == 1 ? transposed : plain)
      let (lda, ldb, ldc) = (Int32(a.stride), Int32(b.stride), Int32(c.stride))
      blas.lock?.lock()
      defer { blas.lock?.unlock() }
      if type == .float64 {
        blas.dgemm(
          rowMajor, ta, tb, Int32(m), Int32(n), Int32(k), alpha, aStart, lda, bStart, ldb, beta, cStart, ldc)
      } else {
        blas.sgemm(
          rowMajor, ta, tb, Int32(m), Int32(n), Int32(k), Float(alpha), aStart, lda, bStart, ldb, Float(beta),
          cStart,
          ldc)
      }
    }
  }
}

extension optplug_matrix {
  /// As it takes part in the product.
  fileprivate var shape: (rows: Int64, columns: Int64) { transposed == 1 ? (columns, rows) : (rows, columns) }

  fileprivate var isValid: Bool {
    let sizes = 0...Int64(Int32.max)
    return elements != nil && transposed <= 1 && sizes.contains(rows) && sizes.contains(columns)
      && sizes.contains(stride) && stride >= max(1, columns)
  }

  /// Where an element lies, by its place in the product.
  fileprivate func start(row: Int64, column: Int64, _ type: DType) -> UnsafeMutableRawPointer? {
    let offset = transposed == 1 ? column * stride + row : row * stride + column
    return elements.map { $0 + Int(offset) * type.size }
  }
}
