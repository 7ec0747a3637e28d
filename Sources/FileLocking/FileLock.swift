// A lock between processes, for what only one of them may write.

import Foundation

/// A file that is locked as long as this value lives.
///
/// The lock is the system's (`flock`): it ends with its process, however that ends, and a file that lies there locks
/// nothing by itself.
package final class FileLock {
  /// Why there is no lock.
  package enum Failure: Error, Hashable, Sendable {
    /// Another process has it; `owner` says which, as far as the file does.
    case held(owner: String)
    /// The system refuses the file.
    case unwritable(reason: String)
  }

  private let path: String
  private let descriptor: Int32

  /// Takes the lock of the file, which is made unless it is there, or fails at once.
  package init(_ path: String) throws(Failure) {
    self.path = path
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else { throw .unwritable(reason: Self.reason) }
      do throws(Failure) {
        try Self.lock(descriptor)
        // Who had it before may have removed the file: then this is the lock of nothing.
        if Self.isStill(path, descriptor) {
          try Self.signAs(owner: Self.name, descriptor)
          self.descriptor = descriptor
          return
        }
      } catch {
        close(descriptor)
        throw error
      }
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  /// Removes the file while it is locked: whoever waits for it, or comes later, makes another.
  package func removeFile() { unlink(path) }

  private static var reason: String { String(cString: strerror(errno)) }

  private static func lock(_ descriptor: Int32) throws(Failure) {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      switch errno {
      case EINTR: continue
      case EWOULDBLOCK: throw .held(owner: owner(in: descriptor))
      default: throw .unwritable(reason: "it cannot be locked: \(reason)")
      }
    }
  }

  private static func isStill(_ path: String, _ descriptor: Int32) -> Bool {
    var (here, there) = (stat(), stat())
    return fstat(descriptor, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino
      && here.st_dev == there.st_dev
  }

  /// Who it is, for those who wait; the lock itself is not in the file's content.
  private static func signAs(owner: String, _ descriptor: Int32) throws(Failure) {
    guard ftruncate(descriptor, 0) == 0 else { throw .unwritable(reason: reason) }
    let text = Array(owner.utf8)
    guard pwrite(descriptor, text, text.count, 0) == text.count else { throw .unwritable(reason: reason) }
  }

  private static func owner(in descriptor: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 512)
    let count = pread(descriptor, &text, text.count, 0)
    return count > 0 ? String(decoding: text[..<count], as: UTF8.self) : "another process"
  }

  private static var name: String {
    var host = [CChar](repeating: 0, count: 256)
    let machine =
      gethostname(&host, 255) == 0
      ? String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      : "this machine"
    return "process \(getpid()) on \(machine)"
  }
}
