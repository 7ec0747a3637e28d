// Memory with inaccessible pages around it, so that a single byte too many is a fault with a name.

import CPluginValidator
import Foundation

/// Bytes between guard pages, at one end of their own pages.
final class GuardedMemory {
  /// Which neighbour is caught to the byte.
  enum Placement { case beforeGuard, behindGuard }

  let start: UnsafeMutableRawPointer
  private let mapping: UnsafeMutableRawPointer
  private let mapped: Int
  private let behind: UnsafeMutableRawPointer
  private let guardBytes: Int
  private let pages: Int

  static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// - Parameters:
  ///   - what: what the bytes are, as "the gradient of 'w'".
  ///   - distance: from the guard in front, for `.behindGuard`.
  /// - Throws: `Verdict.skipped` when the system has no memory to map.
  init(bytes: Int, _ placement: Placement, what: String, distance: Int = 0) throws {
    guardBytes = 16 * Self.page
    pages = max(1, (bytes + distance + Self.page - 1) / Self.page) * Self.page
    mapped = pages + 2 * guardBytes
    let made = mmap(
      nil, mapped, PROT_NONE, Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS) | Int32(MAP_NORESERVE), -1, 0)
    guard let made, made != UnsafeMutableRawPointer(bitPattern: -1),
      mprotect(made + guardBytes, pages, PROT_READ | PROT_WRITE) == 0
    else { throw Verdict.skipped("the system maps no memory: \(String(cString: strerror(errno)))") }
    mapping = made
    behind = made + guardBytes + pages
    start = placement == .beforeGuard ? behind - bytes : made + guardBytes + distance
    plugin_validator_guard(made, UInt64(guardBytes), "reached in front of \(what)")
    plugin_validator_guard(behind, UInt64(guardBytes), "reached behind \(what)")
  }

  /// Lets nobody read or write any more.
  func retire(what: String) {
    mprotect(mapping + guardBytes, pages, PROT_NONE)
    plugin_validator_guard(mapping + guardBytes, UInt64(pages), "used \(what)")
  }

  /// Lets nobody write any more, or everybody again.
  func set(writable: Bool) {
    mprotect(mapping + guardBytes, pages, writable ? PROT_READ | PROT_WRITE : PROT_READ)
  }

  /// Says what a write does while the pages are read-only.
  func nameWrites(_ what: String) { plugin_validator_guard(mapping + guardBytes, UInt64(pages), what) }

  deinit {
    plugin_validator_unguard(mapping)
    plugin_validator_unguard(behind)
    plugin_validator_unguard(mapping + guardBytes)
    munmap(mapping, mapped)
  }
}

/// Room for tables that a call gets, which can be closed against writing. Starts over for each call.
final class TableMemory {
  private let memory: GuardedMemory
  private let capacity = 1 << 20
  private var used = 0

  init(what: String) throws { memory = try GuardedMemory(bytes: capacity, .behindGuard, what: what) }

  func reset() {
    memory.set(writable: true)
    used = 0
  }

  /// - Parameter what: what a write does, for the report of the fault.
  func close(_ what: String) {
    memory.set(writable: false)
    memory.nameWrites(what)
  }

  /// - Throws: `Verdict.skipped` when there is no room; the models of cases are small.
  func allocate(_ bytes: Int) throws -> UnsafeMutableRawPointer {
    guard used + bytes <= capacity else { throw Verdict.skipped("the tables of a call take over 1 MiB") }
    defer { used += (bytes + 63) / 64 * 64 }
    return memory.start + used
  }
}
