// The host's services as an author calls them: log, shared loops, products of matrices, random numbers.

import COptPlug

/// A service of the host that an optimizer asks for when it is created.
public enum Service {
  /// Messages for the person who trains; a host without it drops them.
  case log
  /// The host's threads, for loops inside one update; without them a loop runs on the calling thread.
  case parallelFor
  /// Products of matrices. Without it the optimizer cannot be made.
  case matrixProduct
  /// Counter-based random numbers. Without it the optimizer cannot be made.
  case random
}

/// What the host offered of the services that an optimizer asked for.
public struct HostServices {
  fileprivate let host: UnsafePointer<optplug_host>?
  private var logTable: UnsafePointer<optplug_log>?
  fileprivate private(set) var parallelFor: UnsafePointer<optplug_parallel_for>?
  private var matrixProduct: UnsafePointer<optplug_matrix_product>?
  private var randomTable: UnsafePointer<optplug_random>?

  /// Asks the host for each of `services`.
  init(_ services: [Service], of host: UnsafePointer<optplug_host>?) {
    self.host = host
    for service in services {
      switch service {
      case .log: logTable = Self.find("optplug.log/1", host)
      case .parallelFor: parallelFor = Self.find("optplug.parallel-for/1", host)
      case .matrixProduct: matrixProduct = Self.find("optplug.matrix-product/1", host)
      case .random: randomTable = Self.find("optplug.random/1", host)
      }
    }
  }

  // The header's OPTPLUG_EXTENSION_ ids arrive as `String`, which a literal's bytes do without.
  private static func find<Table>(_ id: StaticString, _ host: UnsafePointer<optplug_host>?) -> UnsafePointer<
    Table
  >? {
    guard let table = host?.pointee.get_extension?(host, id.cString) else { return nil }
    return table.assumingMemoryBound(to: Table.self)
  }

  /// What to tell the person whose host lacks a service that cannot be done without; nil when all are there.
  func missing(of services: [Service]) -> StaticString? {
    for service in services {
      switch service {
      case .matrixProduct where matrixProduct == nil:
        return """
          this host has no matrix product (optplug.matrix-product/1); install a BLAS library that it finds, on Debian \
          with: apt-get install libopenblas0-pthread
          """
      case .random where randomTable == nil:
        return "this host has no random numbers (optplug.random/1); update the host"
      default: continue
      }
    }
    return nil
  }

  /// How much a message matters.
  public enum LogLevel: UInt32 {
    case debug, info, warning, error
  }

  /// Writes one line, without a newline at its end, for the person who trains.
  public func log(_ level: LogLevel, _ message: StaticString) {
    logTable?.pointee.write?(host, level.rawValue, message.cString)
  }

  /// c ← alpha · a · b + beta · c; `c` is not read when beta is 0, and overlaps neither factor.
  /// - Throws: when the shapes do not match.
  public func multiply<S: Scalar>(
    _ a: Matrix<S>, _ b: Matrix<S>, alpha: Double = 1, into c: Matrix<S>, beta: Double = 0
  ) throws(TensorFailure) {
    guard let multiply = matrixProduct?.pointee.multiply else {
      throw TensorFailure("there is no matrix product")
    }
    let dtype = optplug_dtype(
      code: UInt8(OPTPLUG_DTYPE_FLOAT), bits: UInt8(8 * MemoryLayout<S>.size), lanes: 1)
    var (a, b, c) = (a.table, b.table, c.table)
    guard multiply(host, dtype, alpha, &a, &b, beta, &c) == OPTPLUG_OK else {
      throw TensorFailure("the host refused a product of matrices")
    }
  }

  /// Writes words `first ..< first + words.count` of the sequence that belongs to `key` (a step's seed) and `stream`
  /// (a tensor's number): 32 random bits each, the same for every thread.
  public func random(
    _ words: UnsafeMutableBufferPointer<UInt32>, key: UInt64, stream: UInt64, first: UInt64 = 0
  ) {
    randomTable?.pointee.words?(host, key, stream, first, UInt32(words.count), words.baseAddress)
  }

  /// Calls `body` with `context` and each index below `count`, on the threads that the host has to spare.
  func parallel(
    _ count: Int, _ body: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> Void,
    _ context: UnsafeMutableRawPointer
  ) {
    if let run = parallelFor?.pointee.run {
      run(host, UInt32(count), body, context)
    } else {
      for index in 0..<UInt32(count) { body(context, index) }
    }
  }
}

/// A dense row-major matrix in memory of the host's, as it takes part in a product.
public struct Matrix<S: Scalar> {
  fileprivate var table: optplug_matrix

  /// - Parameters:
  ///   - elements: the first one.
  ///   - rows: as stored, like `columns`; one row follows the other.
  public init(_ elements: UnsafeMutablePointer<S>, rows: Int, columns: Int) {
    table = optplug_matrix(
      elements: UnsafeMutableRawPointer(elements), rows: Int64(rows), columns: Int64(columns),
      stride: Int64(max(1, columns)), transposed: 0, reserved0: 0)
  }

  /// The same elements standing for the transpose; only as a factor.
  public var transposed: Matrix {
    var other = self
    other.table.transposed = 1 - table.transposed
    return other
  }
}
