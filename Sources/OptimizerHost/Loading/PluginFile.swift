// Decides, without running any of its code, whether a file can be loaded as a plugin.

import COptPlug
import Foundation

/// A file that looks like a plugin for this machine.
struct PluginFile {
  /// Absolute, links resolved.
  let path: String

  /// Examines the file at `path`.
  /// - Throws: `OptimizerError.plugin` with the reason why it cannot be used.
  init(_ path: String) throws {
    self.path = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    do {
      try Self.checkKind(self.path)
      #if os(Linux)
        let file = try ELFFile(path: self.path)
        guard file.exports.contains(entrySymbol) else {
          let other = file.exports.compactMap(Self.major).first
          throw other.map(Refusal.otherMajor) ?? Refusal.noEntrySymbol
        }
        if let note = file.note { try Self.check(note) }
      #endif
    } catch let refusal as Refusal {
      throw OptimizerError.plugin(path, refusal)
    } catch let error as OptimizerError {
      throw error
    } catch {
      throw OptimizerError.plugin(path, .unreadable(error.localizedDescription))
    }
  }

  /// Opening a pipe would wait for ever, so the kind is asked for before anything is opened.
  private static func checkKind(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw errno == ENOENT || errno == ENOTDIR
        ? Refusal.notFound : .unreadable(String(cString: strerror(errno)))
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw Refusal.directory
    default: throw Refusal.notRegularFile
    }
    guard status.st_size > 0 else { throw Refusal.empty }
    guard access(path, R_OK) == 0 else { throw Refusal.unreadable(String(cString: strerror(errno))) }
  }

  private static func major(_ symbol: String) -> UInt32? {
    symbol.hasPrefix("optplug_entry_v") ? UInt32(symbol.dropFirst("optplug_entry_v".count)) : nil
  }

  private static func check(_ note: [UInt8]) throws {
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
  }
}

let entrySymbol = "optplug_entry_v1"
