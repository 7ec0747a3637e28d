// What a process is made of beyond its memory: threads, files, and settings that a plugin must leave alone.

import Foundation

/// Names in a folder of /proc.
/// - Throws: `Verdict.skipped` where there is none.
func entries(of folder: String) throws -> Set<String> {
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    throw Verdict.skipped("this system has no \(folder)")
  }
  return Set(names)
}

/// Numbers of the open files with what they are, without that through which the list is read.
func openFiles() throws -> [String: String] {
  var files: [String: String] = [:]
  for number in try entries(of: "/proc/self/fd") {
    if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(number)") {
      files[number] = target
    }
  }
  return files
}

/// Runs `body` on a thread of its own and waits for it.
func onNewThread<R>(_ body: @escaping () throws -> R) throws -> R {
  let box = Errand(body)
  let done = DispatchSemaphore(value: 0)
  let thread = Thread {
    box.result = Result { try box.body() }
    done.signal()
  }
  thread.stackSize = 1 << 20
  thread.start()
  done.wait()
  guard let result = box.result else { throw Verdict.skipped("no thread could be started") }
  return try result.get()
}

/// What a thread does and brings back; only one thread at a time has it.
private final class Errand<R>: @unchecked Sendable {
  let body: () throws -> R
  var result: Result<R, any Error>?

  init(_ body: @escaping () throws -> R) { self.body = body }
}

/// Settings of the process at one moment.
enum ProcessSetting {
  static func locale() -> String {
    (setlocale(LC_ALL, nil).map { String(cString: $0) } ?? "") + " \(String(describing: uselocale(nil)))"
  }

  static func directory() -> String { FileManager.default.currentDirectoryPath }

  /// The whole environment, in its order.
  static func environment() -> [String] {
    var variables: [String] = []
    var variable = environ
    while let text = variable.pointee {
      variables.append(String(cString: text))
      variable += 1
    }
    return variables
  }

  /// Per signal, its handler and flags.
  static func signalHandlers() -> [Int32: String] {
    var handlers: [Int32: String] = [:]
    for number in Int32(1)...64 {
      var action = sigaction()
      guard sigaction(number, nil, &action) == 0 else { continue }
      handlers[number] =
        withUnsafeBytes(of: &action.__sigaction_handler) { Array($0).description } + " \(action.sa_flags)"
    }
    return handlers
  }

  /// The signals that this thread holds back.
  static func signalMask() -> [Int32] {
    var mask = sigset_t()
    pthread_sigmask(SIG_SETMASK, nil, &mask)
    return (Int32(1)...64).filter { sigismember(&mask, $0) == 1 }
  }
}
