// One run of the system's curl, as a child process that is waited for and ended by its number.

import Foundation

/// A running `curl`.
///
/// Not Foundation's `Process`: that learns of a child's end from a socket, which other children may hold open, and its
/// wait can then last as long as they live.
struct CurlProcess {
  /// What curl left: its exit status, <https://curl.se/libcurl/c/libcurl-errors.html>, and what it wrote.
  struct Ending {
    let status: Int32
    let output: String
  }

  /// As a shell says that a program is not there.
  static let notFound: Int32 = 127

  /// Runs `program` to its end.
  /// - Parameter poll: called some times a second; `false` ends the program.
  /// - Returns: `nil` when `poll` ended it.
  static func run(_ program: String, _ arguments: [String], _ poll: () -> Bool) -> Ending? {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return Ending(status: notFound, output: "") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    let child = spawn(program, arguments, writing: ends[1])
    close(ends[1])
    guard let child else { return Ending(status: notFound, output: "") }
    var isWanted = true
    while !isDead(child) {
      usleep(20_000)
      if !poll() {
        isWanted = false
        kill(child, SIGKILL)
        break
      }
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    // As WEXITSTATUS and WIFSIGNALED, which are macros. A few bytes: they were in the pipe before the end.
    let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    return isWanted ? Ending(status: code, output: text(ends[0])) : nil
  }

  /// Nothing is read from a terminal, and only `writing` is written to. `nil`: it could not be started.
  private static func spawn(_ program: String, _ words: [String], writing: Int32) -> pid_t? {
    #if os(Linux)
      var actions = posix_spawn_file_actions_t()
    #else
      var actions: posix_spawn_file_actions_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, writing, 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var arguments: [UnsafeMutablePointer<CChar>?] = ([program] + words).map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var child: pid_t = 0
    return posix_spawnp(&child, program, &actions, nil, &arguments, environ) == 0 ? child : nil
  }

  /// Whether `child` has ended; it stays a zombie, so that its number cannot become another's.
  private static func isDead(_ child: pid_t) -> Bool {
    var info = siginfo_t()
    let result = waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT)
    guard result == 0 else { return errno != EINTR }
    return info.si_signo == SIGCHLD
  }

  private static func text(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    let count = read(descriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
