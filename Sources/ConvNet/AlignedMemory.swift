// Memory that oneDNN and vector loops like: aligned, zeroed, in huge pages where it is large.

import Foundation

/// One block of memory, zeroed, owned by the object and freed with it.
final class AlignedMemory {
  /// What every tensor's offset is rounded to: a cache line, which is also the widest vector.
  static let alignment = 64
  private static let hugePage = 2 << 20

  let base: UnsafeMutableRawPointer
  let byteCount: Int

  /// - Throws: `ConvNetError.outOfMemory`, also for what exceeds the machine's memory: the system would grant it
  ///   and end the process at its use.
  init(byteCount: Int, purpose: String) throws {
    guard UInt64(max(byteCount, 0)) <= ProcessInfo.processInfo.physicalMemory else {
      throw ConvNetError.outOfMemory(bytes: byteCount, purpose: purpose)
    }
    let large = byteCount >= 2 * Self.hugePage
    let alignment = large ? Self.hugePage : Self.alignment
    let rounded = Self.roundUp(max(byteCount, 1), to: alignment)
    var address: UnsafeMutableRawPointer?
    guard posix_memalign(&address, alignment, rounded) == 0, let address else {
      throw ConvNetError.outOfMemory(bytes: byteCount, purpose: purpose)
    }
    #if os(Linux)
      // Fewer address translations: measured +32 % on streams from memory with two threads.
      if large { madvise(address, rounded, Int32(MADV_HUGEPAGE)) }
    #endif
    memset(address, 0, rounded)
    base = address
    self.byteCount = byteCount
  }

  deinit { free(base) }

  static func roundUp(_ value: Int, to multiple: Int = alignment) -> Int {
    (value + multiple - 1) / multiple * multiple
  }
}
