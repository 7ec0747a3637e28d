// Reads what matters of a shared object from the file, before any of its code runs.

import BasicFoundation

/// The parts of an ELF shared library that decide whether it is worth loading.
struct ELFFile {
  /// Names of symbols that the library defines for others.
  let exports: Set<String>
  /// Libraries that the loader must find first, such as "libm.so.6".
  let needed: [String]
  /// Bytes of the file that the loader maps: what remains when symbols and debugging data are stripped.
  let mappedSize: Int
  /// The contents of the section `.optplug.note`, or nil.
  let note: [UInt8]?

  /// Machines by their number in the file.
  private static let machines: [UInt16: String] = [
    21: "PowerPC", 22: "IBM Z", 62: "x86-64", 183: "arm64", 243: "RISC-V", 258: "LoongArch",
  ]

  private static var host: UInt16 {
    #if arch(x86_64)
      62
    #elseif arch(arm64)
      183
    #else
      0
    #endif
  }

  /// Reads the file at `path`.
  /// - Throws: `Refusal` when the file is not a whole shared library for this machine.
  init(path: String) throws {
    try self.init(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Reads a file's contents.
  /// - Throws: `Refusal`, as above.
  init(_ contents: Data) throws { try self.init(Bytes(contents)) }

  private init(_ file: Bytes) throws {
    guard file.count > 0 else { throw Refusal.empty }
    guard file.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else { throw Refusal.notSharedObject }
    guard file.count >= 64 else { throw Refusal.truncated }
    let (width, order, machine) = (file[4], file[5], try file.u16(18))
    guard (1...2).contains(width), (1...2).contains(order) else { throw Refusal.truncated }
    guard width == 2, order == 1, machine == Self.host else {
      // The machine's number cannot be read in the other byte order, and some numbers serve both widths.
      let found =
        order == 2
        ? "a big-endian machine"
        : width == 1 ? "a 32-bit machine" : Self.machines[machine] ?? "machine number \(machine)"
      throw Refusal.otherMachine(found: found, host: Self.machines[Self.host] ?? "of another kind")
    }
    guard try file.u16(16) == 3 else { throw Refusal.notLibrary }
    mappedSize = try Self.checkSegments(file)
    let sections = try Self.sections(file)
    exports = try Self.exports(file, sections)
    needed = try Self.needed(file, sections)
    note = try sections.first { $0.name == ".optplug.note" }.map { try file.slice($0.offset, $0.size) }
  }

  /// The loader maps segments without asking how long the file is, and then dies of a bus error.
  /// - Returns: the bytes of all segments that are mapped.
  private static func checkSegments(_ file: Bytes) throws -> Int {
    let (table, size, count) = (try file.u64(32), Int(try file.u16(54)), Int(try file.u16(56)))
    guard size >= 56, count > 0 else { throw Refusal.notLibrary }
    var mapped = 0
    for i in 0..<count {
      let at = table + i * size
      let length = try file.u64(at + 32)
      _ = try file.slice(try file.u64(at + 8), length)
      if try file.u32(at) == 1 { mapped += length }  // 1: to be mapped
    }
    return mapped
  }

  private struct Section {
    let name: String
    let type: UInt32
    let offset, size, link, entrySize: Int
  }

  private static func sections(_ file: Bytes) throws -> [Section] {
    let (table, size, count, namesIndex) =
      (try file.u64(40), Int(try file.u16(58)), Int(try file.u16(60)), Int(try file.u16(62)))
    guard table > 0, count > 0 else { return [] }
    guard size >= 64, namesIndex < count else { throw Refusal.truncated }
    let names = try file.u64(table + namesIndex * size + 24)
    return try (0..<count).map { i in
      let at = table + i * size
      let section = Section(
        name: try file.string(names + Int(try file.u32(at))), type: try file.u32(at + 4),
        offset: try file.u64(at + 24), size: try file.u64(at + 32), link: Int(try file.u32(at + 40)),
        entrySize: try file.u64(at + 56))
      if section.type != 8 { _ = try file.slice(section.offset, section.size) }  // 8: occupies no file space
      return section
    }
  }

  private static func exports(_ file: Bytes, _ sections: [Section]) throws -> Set<String> {
    guard let symbols = sections.first(where: { $0.type == 11 }) else { return [] }  // 11: dynamic symbols
    guard symbols.entrySize == 24, symbols.link < sections.count else { throw Refusal.truncated }
    let names = sections[symbols.link].offset
    var exports: Set<String> = []
    for i in 0..<(symbols.size / 24) {
      let at = symbols.offset + i * 24
      let (binding, isDefined) = (file[at + 4] >> 4, try file.u16(at + 6) != 0)
      if isDefined, binding == 1 || binding == 2 {
        exports.insert(try file.string(names + Int(try file.u32(at))))
      }
    }
    return exports
  }

  private static func needed(_ file: Bytes, _ sections: [Section]) throws -> [String] {
    guard let dynamic = sections.first(where: { $0.type == 6 }) else { return [] }  // 6: for the loader
    guard dynamic.link < sections.count else { throw Refusal.truncated }
    let names = sections[dynamic.link].offset
    return try stride(from: dynamic.offset, to: dynamic.offset + dynamic.size / 16 * 16, by: 16)
      .filter { try file.u32($0) == 1 && file.u32($0 + 4) == 0 }  // 1: a needed library
      .map { try file.string(names + file.u64($0 + 8)) }
  }
}

/// A file's bytes; reading past the end says that the file is cut short.
private struct Bytes {
  let data: Data

  init(_ data: Data) { self.data = data }

  var count: Int { data.count }

  subscript(_ at: Int) -> UInt8 { data[data.startIndex + at] }

  func starts(with bytes: [UInt8]) -> Bool { data.starts(with: bytes) }

  func slice(_ at: Int, _ size: Int) throws -> [UInt8] {
    guard at >= 0, size >= 0, at <= count, size <= count - at else { throw Refusal.truncated }
    let start = data.startIndex + at
    // Whole segments pass through here only to be checked; nothing asks for the bytes of large ones.
    return size > 4096 ? [] : Array(data[start..<(start + size)])
  }

  func u16(_ at: Int) throws -> UInt16 { UInt16(try integer(at, 2)) }
  func u32(_ at: Int) throws -> UInt32 { UInt32(try integer(at, 4)) }

  /// A 64-bit number; one that could not be a size or a place in a file says that the file is damaged.
  func u64(_ at: Int) throws -> Int {
    guard let value = Int(exactly: try integer(at, 8)), value < 1 << 47 else { throw Refusal.truncated }
    return value
  }

  private func integer(_ at: Int, _ size: Int) throws -> UInt64 {
    guard at >= 0, at <= count - size else { throw Refusal.truncated }
    return (0..<size).reduce(0) { $0 | UInt64(self[at + $1]) << UInt64(8 * $1) }
  }

  func string(_ at: Int) throws -> String {
    guard at >= 0, at < count else { throw Refusal.truncated }
    let start = data.startIndex + at
    guard let end = data[start...].firstIndex(of: 0) else { throw Refusal.truncated }
    return String(decoding: data[start..<end], as: UTF8.self)
  }
}
