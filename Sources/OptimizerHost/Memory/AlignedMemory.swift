// Memory for streams of elements: zeroed, aligned to cache lines, in huge pages where it is large.

import BasicFoundation

/// One block of zeroed memory, owned by the object.
final class AlignedMemory {
  /// A cache line, which is also the widest vector.
  static let alignment = 64
  static let hugePage = 2 << 20

  let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int

  /// Nil when the machine does not have that much memory: the system might grant it and end the process at its use.
  init?(byteCount: Int) {
    guard byteCount >= 0, UInt64(byteCount) <= ProcessInfo.processInfo.physicalMemory else { return nil }
    let isLarge = byteCount >= 2 * Self.hugePage
    // A mapping starts at a page; a huge one must start at a huge page.
    mappedBytes = max(1, byteCount) + (isLarge ? Self.hugePage : 0)
    let address = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | mapAnonymous, -1, 0)
    guard let address, address != UnsafeMutableRawPointer(bitPattern: -1) else { return nil }
    mapping = address
    base = isLarge ? address.alignedUp(toMultipleOf: Self.hugePage) : address
    self.byteCount = byteCount
    #if os(Linux)
      // Fewer address translations; a system without huge pages refuses, and nothing else changes.
      if isLarge { madvise(base, byteCount, Int32(MADV_HUGEPAGE)) }
    #endif
  }

  deinit { munmap(mapping, mappedBytes) }

  static func roundUp(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }
}

#if os(Linux)
  private let mapAnonymous = Int32(MAP_ANONYMOUS)
#else
  private let mapAnonymous = MAP_ANON
#endif

extension UnsafeMutableRawPointer {
  fileprivate func alignedUp(toMultipleOf alignment: Int) -> UnsafeMutableRawPointer {
    self + (alignment - Int(bitPattern: self) % alignment) % alignment
  }
}
