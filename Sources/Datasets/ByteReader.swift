// Reads a file's bytes in order, unpacking gzip on the way and never more than it is asked for.

import CZlib

/// The bytes of a raw or gzip file, from first to last.
///
/// Which of the two it is comes from the name (`.gz`), as the data sets are published.
struct ByteReader: ~Copyable {
  let file: ByteFile
  private var inflater: GzipInflater?

  init(path: String) throws(DatasetError) {
    inflater = path.hasSuffix(".gz") ? try GzipInflater(path: path) : nil
    file = try ByteFile(path: path)
  }

  var isGzip: Bool { inflater != nil }

  /// An upper bound for the number of bytes this file can deliver: deflate never packs tighter than 1032 : 1
  /// (<https://www.zlib.net/zlib_tech.html>), so a header that promises more is a lie that costs no memory.
  var capacity: Int {
    guard isGzip else { return file.length }
    let (product, overflow) = file.length.multipliedReportingOverflow(by: 1032)
    return overflow ? Int.max : product
  }

  /// Fills `buffer`, or as much of it as there is.
  /// - Returns: the number of bytes delivered.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    guard let inflater else { return try file.read(into: buffer) }
    return try inflater.inflate(from: file, into: buffer)
  }

  /// Whether nothing follows. For gzip this also checks the trailer: checksum and length.
  mutating func isAtEnd() throws(DatasetError) -> Bool {
    let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { byte.deallocate() }
    return try read(into: byte) == 0
  }
}

/// zlib's inflate over a file, a fixed window of input at a time.
private final class GzipInflater {
  private let path: String
  private var stream = z_stream()
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  private var ended = false

  init(path: String) throws(DatasetError) {
    self.path = path
    let status = czlib_inflate_gzip_init(&stream)
    guard status == Z_OK else {
      throw .unreadable(path: path, reason: "zlib cannot start, status \(status)")
    }
  }

  deinit {
    inflateEnd(&stream)
    input.deallocate()
  }

  /// Unpacks until `output` is full or the data end.
  func inflate(
    from file: borrowing ByteFile, into output: UnsafeMutableRawBufferPointer
  ) throws(DatasetError) -> Int {
    var filled = 0
    while filled < output.count, !ended {
      if stream.avail_in == 0 { try refill(from: file) }
      // `avail_out` is 32 bits wide.
      let room = min(output.count - filled, 1 << 30)
      stream.next_out = output.baseAddress?.advanced(by: filled).assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(room)
      let status = CZlib.inflate(&stream, Z_NO_FLUSH)
      filled += room - Int(stream.avail_out)
      switch status {
      case Z_OK: break
      case Z_STREAM_END: try finishMember(of: file)
      case Z_BUF_ERROR where stream.avail_in == 0: break
      default: throw .corruptGzip(path: path, reason: message(status))
      }
    }
    return filled
  }

  private func refill(from file: borrowing ByteFile) throws(DatasetError) {
    let count = try file.read(into: input)
    guard count > 0 else { throw .truncatedGzip(path: path) }
    stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = UInt32(count)
  }

  /// A gzip file is one member or several in a row (RFC 1952, 2.2).
  private func finishMember(of file: borrowing ByteFile) throws(DatasetError) {
    if stream.avail_in == 0 {
      let count = try file.read(into: input)
      if count == 0 {
        ended = true
        return
      }
      stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.avail_in = UInt32(count)
    }
    let status = inflateReset(&stream)
    guard status == Z_OK else { throw .corruptGzip(path: path, reason: message(status)) }
  }

  private func message(_ status: Int32) -> String {
    if let text = stream.msg { return String(cString: text) }
    return "zlib status \(status)"
  }
}
