// Takes named files out of a gzip-compressed tar archive, and nothing else.

import Foundation

/// A `.tar.gz`, read from first to last.
///
/// Format: POSIX ustar, <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html>. Only regular files whose
/// last path component is asked for are written, under that component alone: no path of the archive is ever followed.
struct TarArchive {
  let path: String

  /// Writes each of `names` into `directory`: to a temporary name first, then all at once.
  /// - Throws: ``DatasetError``: damaged, or a file is missing; then nothing was written.
  func extract(_ names: [String], to directory: String) throws(DatasetError) {
    var reader = try ByteReader(path: path)
    var found: Set<String> = []
    func temporary(_ name: String) -> String { "\(directory)/.\(name).unpacking" }
    var isComplete = false
    defer { if !isComplete { for name in found { unlink(temporary(name)) } } }
    while let entry = try nextEntry(&reader) {
      let name = entry.name.split(separator: "/").last.map(String.init) ?? ""
      let isWanted = entry.isFile && names.contains(name)
      if isWanted { found.insert(name) }
      try copy(entry.size, from: &reader, to: isWanted ? temporary(name) : nil)
    }
    if let missing = names.first(where: { !found.contains($0) }) {
      throw .malformed(path: path, reason: "holds no file \(missing)")
    }
    for name in names {
      guard rename(temporary(name), directory + "/" + name) == 0 else {
        throw .unwritable(path: directory + "/" + name, reason: String(cString: strerror(errno)))
      }
    }
    isComplete = true
  }

  /// The next header; `nil` at the end of the archive.
  private func nextEntry(
    _ reader: inout ByteReader
  ) throws(DatasetError) -> (name: String, size: Int, isFile: Bool)? {
    let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 16)
    defer { header.deallocate() }
    guard try reader.read(into: header) == 512 else {
      throw .malformed(path: path, reason: "the archive ends too early")
    }
    if header.allSatisfy({ $0 == 0 }) { return nil }
    let sum = header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
    func text(_ range: Range<Int>) -> String {
      String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self)
    }
    func octal(_ range: Range<Int>) -> Int? {
      Int(text(range).trimmingCharacters(in: .whitespaces), radix: 8)
    }
    guard octal(148..<156) == sum, let size = octal(124..<136), size >= 0, size < 1 << 40 else {
      throw .malformed(path: path, reason: "an entry of the archive is damaged")
    }
    return (text(0..<100), size, header[156] == 0 || header[156] == UInt8(ascii: "0"))
  }

  /// Copies an entry's content, or passes over it; entries fill whole blocks of 512 bytes.
  private func copy(_ size: Int, from reader: inout ByteReader, to target: String?) throws(DatasetError) {
    let output = try target.map { name throws(DatasetError) in try OutputFile(path: name, appends: false) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { buffer.deallocate() }
    var left = (size + 511) / 512 * 512
    var content = size
    while left > 0 {
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(left, buffer.count)])
      guard try reader.read(into: piece) == piece.count else {
        throw .malformed(path: path, reason: "the archive ends too early")
      }
      try output?.write(UnsafeRawBufferPointer(rebasing: piece[..<min(content, piece.count)]))
      content -= min(content, piece.count)
      left -= piece.count
    }
    try output?.synchronize()
  }
}
