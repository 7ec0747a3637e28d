// A value that several threads share.

import Foundation

/// A value behind a lock of Foundation's: the thread sanitizer knows it, unlike Swift's `Mutex`.
public final class Locked<Value>: @unchecked Sendable {
  private let lock = NSLock()
  // Guarded by `lock`.
  private var value: Value

  public init(_ value: Value) { self.value = value }

  public func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
    try lock.withLock { try body(&value) }
  }
}
