// Tries a file in a process of its own, which may crash or hang as it likes.

import BasicFoundation

/// One run of the helper `optplug-probe`.
struct ProbeProcess {
  private let process: pid_t
  /// What the helper writes.
  private let pipe: Int32
  private let deadline: ContinuousClock.Instant
  private let timeLimit: Duration
  private var output: [UInt8] = []

  /// More than any verdict needs.
  private static let outputLimit = 1 << 20

  /// Loads `path` in the helper at `probe`.
  /// - Throws: `Refusal.untried` when the helper cannot be started or does not work.
  static func verdict(on path: String, probe: String, timeLimit: Duration) throws -> Verdict {
    var run = try ProbeProcess(probe, path, timeLimit)
    return try run.finish()
  }

  private init(_ probe: String, _ path: String, _ timeLimit: Duration) throws {
    do {
      let pipe = try ChildProcess.pipe()
      defer { close(pipe.writing) }
      do {
        process = try Self.start(
          probe, path, seconds: timeLimit.components.seconds + 2, writing: pipe.writing)
      } catch {
        close(pipe.reading)
        throw error
      }
      self.pipe = pipe.reading
    } catch let failure as ChildProcess.Failure {
      throw Refusal.untried("\(probe) cannot be started (\(failure))")
    }
    _ = fcntl(pipe, F_SETFL, O_NONBLOCK)
    self.timeLimit = timeLimit
    deadline = ContinuousClock().now + timeLimit
  }

  /// The helper gets its report's pipe as descriptor 3 and nothing else of the host's (it closes what it inherits): no
  /// terminal, no file.
  private static func start(_ probe: String, _ path: String, seconds: Int64, writing: Int32) throws -> pid_t {
    try ChildProcess.start([probe, "--report", "\(seconds)", path], [3: writing])
  }

  private mutating func finish() throws -> Verdict {
    defer { close(pipe) }
    var hasEnded = false
    while !hasEnded {
      guard ContinuousClock().now < deadline else { break }
      hasEnded = waitForOutput() || isDead
    }
    // A helper that has closed its pipe is about to end; one that hangs is ended, with all that it has started.
    while hasEnded, !isDead, ContinuousClock().now < deadline { usleep(200) }
    let isInTime = isDead
    kill(-process, SIGKILL)
    let status = ChildProcess.wait(for: process) ?? 0
    drain()
    return try judge(isInTime: isInTime, status: status)
  }

  /// Whether the helper has ended; it stays a zombie, so that its process group cannot become another's.
  private var isDead: Bool {
    var info = siginfo_t()
    let result = waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT)
    // Where the host has the system reap its children, there is nothing to wait for.
    guard result == 0 else { return errno == ECHILD }
    return info.si_signo == SIGCHLD
  }

  /// Waits for output a little while.
  /// - Returns: whether there will be no more.
  private mutating func waitForOutput() -> Bool {
    var request = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
    guard poll(&request, 1, 20) > 0 else { return false }
    return drain()
  }

  /// Takes what there is.
  /// - Returns: whether there will be no more.
  @discardableResult private mutating func drain() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(pipe, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return count == 0 }
      if output.count < Self.outputLimit { output += chunk.prefix(count) }
    }
  }

  private func judge(isInTime: Bool, status: Int32) throws -> Verdict {
    let lines = output.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    if isInTime, let last = lines.last,
      let verdict = try? JSONDecoder().decode(Verdict.self, from: Data(last.utf8))
    {
      return verdict
    }
    let stage = lines.reversed().lazy.compactMap(ProbeStage.init).first
    guard let stage else { throw Refusal.untried("the helper said nothing; build it again") }
    guard isInTime else { return .refused(.hangs(stage, seconds: timeLimit / .seconds(1))) }
    // As WIFSIGNALED and WEXITSTATUS, which are macros.
    let signal = status & 0x7F
    return .refused(signal != 0 ? .crashes(stage, signal: signal) : .exits(stage, status: status >> 8 & 0xFF))
  }
}
