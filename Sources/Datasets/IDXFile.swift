// Reads one IDX file of bytes: everything is checked before memory is taken.

/// The content of an IDX file: dimensions and bytes in row-major order.
///
/// Format: <http://yann.lecun.com/exdb/mnist/> (bottom of the page): two zero bytes, the type code (08 =
/// unsigned byte), the number of dimensions, each dimension as a big-endian 32-bit number, then the data.
struct IDXFile {
  let path: String
  let dimensions: [Int]
  let bytes: [UInt8]

  /// Reads `path`, raw or gzip, which must have `rank` dimensions.
  init(path: String, rank: Int) throws(DatasetError) {
    self.path = path
    var reader = try ByteReader(path: path)
    let headerLength = 4 + 4 * rank
    let header = try Self.read(headerLength, from: &reader)
    let magic: [UInt8] = [0, 0, 0x08, UInt8(rank)]
    guard header.starts(with: magic) || header.count < 4 else {
      throw .badMagic(
        path: path, found: Array(header.prefix(4)),
        needed: "00 00 08 0\(rank), an IDX file of bytes with \(rank) dimension\(rank == 1 ? "" : "s")")
    }
    guard header.count == headerLength else {
      throw .headerTooShort(path: path, bytes: header.count, needed: headerLength)
    }
    dimensions = (0..<rank).map { axis in
      header[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
    }
    let count = try Self.checkedCount(dimensions, headerLength: headerLength, reader: reader)
    bytes = try Self.read(count, from: &reader)
    guard bytes.count == count else {
      throw reader.isGzip
        ? .gzipTooShort(path: path, bytes: headerLength + bytes.count, needed: headerLength + count)
        : .wrongLength(path: path, bytes: headerLength + bytes.count, needed: headerLength + count)
    }
    guard try reader.isAtEnd() else { throw .gzipTooLong(path: path, needed: headerLength + count) }
  }

  /// The number of data bytes, after every check that needs no memory.
  private static func checkedCount(
    _ dimensions: [Int], headerLength: Int, reader: borrowing ByteReader
  ) throws(DatasetError) -> Int {
    let path = reader.file.path
    guard !dimensions.contains(0) else { throw .emptyDimension(path: path, dimensions: dimensions) }
    var total = 1
    for dimension in dimensions {
      let (product, overflow) = total.multipliedReportingOverflow(by: dimension)
      guard !overflow, product <= Int.max - headerLength else {
        throw .tooLarge(path: path, dimensions: dimensions, limit: "a machine can address")
      }
      total = product
    }
    if !reader.isGzip {
      guard reader.file.length == headerLength + total else {
        throw .wrongLength(path: path, bytes: reader.file.length, needed: headerLength + total)
      }
    } else if headerLength + total > reader.capacity {
      throw .tooLarge(
        path: path, dimensions: dimensions,
        limit: "the \(reader.capacity) that \(reader.file.length) bytes of gzip can hold")
    }
    return total
  }

  private static func read(_ count: Int, from reader: inout ByteReader) throws(DatasetError) -> [UInt8] {
    // `Array(unsafeUninitializedCapacity:)` rethrows untyped errors, so the result is carried across.
    var outcome: Result<Int, DatasetError> = .success(0)
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(DatasetError) {
        initialized = try reader.read(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        outcome = .failure(error)
      }
    }
    _ = try outcome.get()
    return bytes
  }
}
