// Runs one case in a process of its own, within a time limit, and hears of its end.

import CPluginValidator
import Foundation

/// Which case of which plugin a child runs.
struct ChildRequest {
  let path: String
  let caseName: String
  let optimizer: String?
  let seed: UInt64

  /// What the child's command line holds behind the executable and the hidden command.
  var arguments: [String] { [path, caseName, optimizer ?? "", "\(seed)"] }

  init(path: String, caseName: String, optimizer: String?, seed: UInt64) {
    self.path = path
    self.caseName = caseName
    self.optimizer = optimizer
    self.seed = seed
  }

  init?(_ arguments: [String]) {
    guard arguments.count == 4, let seed = UInt64(arguments[3]) else { return nil }
    self.init(
      path: arguments[0], caseName: arguments[1], optimizer: arguments[2].isEmpty ? nil : arguments[2],
      seed: seed)
  }
}

enum Sandbox {
  /// Runs `command` and reads the report from its file 3.
  /// - Parameter limit: seconds after which it is killed, with all that it started.
  static func run(_ command: [String], limit: Double) -> ChildReport {
    guard let result = Channel(), let output = Channel() else {
      return ChildReport(outcome: .skipped, message: "no pipe: \(String(cString: strerror(errno)))")
    }
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    let child = plugin_validator_start(&arguments, result.write, output.write)
    for argument in arguments { free(argument) }
    result.closeWriting()
    output.closeWriting()
    guard child > 0 else {
      return ChildReport(
        outcome: .skipped,
        message: "no process of its own: \(command.first ?? "") cannot be started: "
          + String(cString: strerror(-child)))
    }
    let status = wait(for: child, reading: [result, output], limit: limit)
    // Whatever the plugin has started must not live on.
    kill(-child, SIGKILL)
    return report(status, result.bytes, output.bytes, limit: limit)
  }

  private static func report(_ status: Int32?, _ result: Data, _ output: Data, limit: Double) -> ChildReport {
    if let report = try? JSONDecoder().decode(ChildReport.self, from: result) {
      guard report.outcome == .crashed, let last = lastLine(output) else { return report }
      return ChildReport(outcome: .crashed, message: "\(report.message); it wrote: \(last)")
    }
    guard let status else {
      return ChildReport(outcome: .crashed, message: "it did not end within \(Int(limit)) s and was killed")
    }
    let signal = status & 0x7F
    let end = signal == 0 ? "ended the process with status \(status >> 8 & 0xFF)" : "died of signal \(signal)"
    let text = lastLine(output).map { "; it wrote: \($0)" } ?? ""
    return ChildReport(outcome: .crashed, message: end + text)
  }

  private static func lastLine(_ output: Data) -> String? {
    String(decoding: output.suffix(4096), as: UTF8.self).split(whereSeparator: \.isNewline).last
      .map { String($0.prefix(200)) }
  }

  /// Waits for the child's end or the limit; answers its status, or nil when it had to be killed.
  private static func wait(for child: pid_t, reading channels: [Channel], limit: Double) -> Int32? {
    let end = Date(timeIntervalSinceNow: limit)
    var status: Int32 = 0
    while true {
      let isOpen = channels.reduce(false) { $1.read() || $0 }
      if waitpid(child, &status, WNOHANG) == child {
        for channel in channels { _ = channel.read() }
        return status
      }
      guard Date() < end else {
        kill(-child, SIGKILL)
        waitpid(child, &status, 0)
        for channel in channels { _ = channel.read() }
        return nil
      }
      if isOpen { poll(channels, milliseconds: 50) } else { usleep(500) }
    }
  }

  private static func poll(_ channels: [Channel], milliseconds: Int32) {
    var files = channels.filter(\.isOpen).map { pollfd(fd: $0.readEnd, events: Int16(POLLIN), revents: 0) }
    Foundation.poll(&files, nfds_t(files.count), milliseconds)
  }
}

/// A pipe out of a child.
private final class Channel {
  let readEnd: Int32
  private(set) var write: Int32
  private(set) var bytes = Data()
  private(set) var isOpen = true

  init?() {
    var ends: (read: Int32, write: Int32) = (-1, -1)
    guard plugin_validator_pipe(&ends.read, &ends.write) == 0 else { return nil }
    (readEnd, write) = ends
  }

  deinit {
    close(readEnd)
    closeWriting()
  }

  func closeWriting() {
    if write >= 0 { close(write) }
    write = -1
  }

  /// Reads what is there; answers whether more may come.
  func read() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while isOpen {
      let count = Foundation.read(readEnd, &buffer, buffer.count)
      if count > 0 {
        // Enough of a plugin that writes without end.
        if bytes.count < 1 << 20 { bytes.append(contentsOf: buffer[..<count]) }
      } else if count == 0 {
        isOpen = false
      } else {
        return true
      }
    }
    return false
  }
}
