// Decides, without running any of its code, whether a file can be loaded as a plugin.

import COptPlug
import BasicFoundation

/// A file that looks like a plugin for this machine.
final class PluginFile {
  /// Absolute, links resolved.
  let path: String
  /// SHA-256 of the contents, in 64 hexadecimal digits.
  private(set) lazy var hash = {
    defer { contents = Data() }
    return contents.withUnsafeBytes { SHA256.hex(of: $0) }
  }()
  /// As read once; empty when the hash is known.
  private var contents: Data
  /// Libraries that the loader must find first; empty where files are not ELF.
  let needed: [String]
  /// Symbols that the file defines for others; empty where files are not ELF.
  let exports: [String]
  /// What the file says of itself before any of its code runs, if it does.
  let note: optplug_note?

  /// Examines the file at `path`.
  /// - Throws: `OptimizerError.plugin` with the reason why it cannot be used.
  init(_ path: String) throws(OptimizerError) {
    self.path = Self.resolve(path)
    do {
      contents = try Self.read(self.path)
      #if os(Linux)
        let file = try ELFFile(contents)
        guard file.exports.contains(entrySymbol) else {
          let other = file.exports.compactMap(Self.major).first
          throw other.map(Refusal.otherMajor) ?? Refusal.noEntrySymbol
        }
        note = try file.note.map(Self.check)
        (needed, exports) = (file.needed, file.exports.sorted())
      #else
        (note, needed, exports) = (nil, [], [])
      #endif
    } catch let refusal as Refusal {
      throw OptimizerError.plugin(path, refusal)
    } catch {
      throw OptimizerError.plugin(path, .unreadable("\(error)"))
    }
  }

  /// The absolute path, links resolved.
  static func resolve(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }

  /// All bytes of a regular file. Opening a pipe would wait for ever, and opening a device may do something, so the
  /// kind is asked for before; should the file change meanwhile, it is opened without waiting, and asked again.
  private static func read(_ path: String) throws -> Data {
    var info = stat()
    guard stat(path, &info) == 0 else { throw systemError() }
    try checkKind(info)
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0, fstat(descriptor, &info) == 0 else { throw systemError() }
    defer { close(descriptor) }
    try checkKind(info)
    // Not mapped: a file that is cut meanwhile would end the host by a bus error.
    let contents = try readToEnd(descriptor, expecting: Int(info.st_size))
    guard !contents.isEmpty else { throw Refusal.empty }
    return contents
  }

  private static func readToEnd(_ descriptor: Int32, expecting size: Int) throws -> Data {
    var contents = Data(count: size + 1)
    var length = 0
    while true {
      if length == contents.count { contents.count += 1 << 20 }
      let count = contents.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { BasicFoundation.read(descriptor, $0 + length, bytes.count - length) } ?? -1
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw systemError() }
      guard count > 0 else { return contents.prefix(length) }
      length += count
    }
  }

  private static func checkKind(_ info: stat) throws {
    switch info.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw Refusal.directory
    default: throw Refusal.notRegularFile
    }
    guard info.st_size > 0 else { throw Refusal.empty }
  }

  private static func systemError() -> Refusal {
    errno == ENOENT || errno == ENOTDIR ? .notFound : .unreadable(String(cString: strerror(errno)))
  }

  private static func major(_ symbol: String) -> UInt32? {
    symbol.hasPrefix("optplug_entry_v") ? UInt32(symbol.dropFirst("optplug_entry_v".count)) : nil
  }

  private static func check(_ note: [UInt8]) throws -> optplug_note {
    let size = MemoryLayout<optplug_note>.size
    guard note.count >= size, note.starts(with: Array("OPTPLUG\0".utf8)) else {
      throw Refusal.damagedNote
    }
    let read = note.withUnsafeBytes { $0.loadUnaligned(as: optplug_note.self) }
    guard read.abi_major == OPTPLUG_ABI_MAJOR else { throw Refusal.otherMajor(read.abi_major) }
    guard read.abi_minor_required <= OPTPLUG_ABI_MINOR else {
      throw Refusal.newerABI(
        required: read.abi_minor_required, built: read.abi_minor_built, host: OPTPLUG_ABI_MINOR)
    }
    #if arch(x86_64)
      try InstructionSet.check(read.instruction_set)
    #endif
    return read
  }
}

let entrySymbol = "optplug_entry_v1"
