// Starts programs beside the host, and waits for them.

import BasicFoundation

/// A program in a process of its own.
enum ChildProcess {
  /// The system's reason why a program cannot be started.
  struct Failure: Error, CustomStringConvertible {
    let code: Int32

    var description: String { String(cString: strerror(code)) }
  }

  /// A pipe whose ends no other child of the host inherits.
  static func pipe() throws(Failure) -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    guard BasicFoundation.pipe(&ends) == 0 else { throw Failure(code: errno) }
    // Both end with an exec.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  /// Starts a program with no signal settings of the host's, in a process group that can be ended with all that it
  /// starts.
  /// - Parameters:
  ///   - words: its path and its arguments.
  ///   - descriptors: per descriptor of the program's, one of the host's. Of the first three the others lead nowhere.
  static func start(_ words: [String], _ descriptors: [Int32: Int32]) throws(Failure) -> pid_t {
    #if os(Linux)
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #else
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    // First, since a pipe may be one of the three below.
    for (theirs, ours) in descriptors.sorted(by: { $0.key < $1.key }) {
      posix_spawn_file_actions_adddup2(&actions, ours, theirs)
    }
    for theirs: Int32 in 0...2 where descriptors[theirs] == nil {
      posix_spawn_file_actions_addopen(&actions, theirs, "/dev/null", theirs == 0 ? O_RDONLY : O_WRONLY, 0)
    }
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    posix_spawnattr_setpgroup(&attributes, 0)
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    var code = posix_spawn(&process, words[0], &actions, &attributes, &arguments, environ)
    // A program that was just installed may still be open for writing in a child that another thread is starting.
    for _ in 0..<50 where code == ETXTBSY {
      usleep(10_000)
      code = posix_spawn(&process, words[0], &actions, &attributes, &arguments, environ)
    }
    guard code == 0 else { throw Failure(code: code) }
    return process
  }

  /// Waits for the end of a program.
  /// - Returns: its status as the system tells it; nil where the host has the system reap its children.
  static func wait(for process: pid_t) -> Int32? {
    var status: Int32 = 0
    var isReaped = waitpid(process, &status, 0)
    while isReaped < 0, errno == EINTR { isReaped = waitpid(process, &status, 0) }
    return isReaped == process ? status : nil
  }

  /// Runs a program to its end, or ends it with all that it has started.
  /// - Parameter seconds: how long it may take.
  /// - Returns: the status, as `wait` tells it, and the first megabyte that the program has printed.
  static func run(_ words: [String], seconds: Double = 300) throws(Failure) -> (
    status: Int32?, output: String
  ) {
    let pipe = try pipe()
    defer { close(pipe.reading) }
    let process: pid_t
    do {
      defer { close(pipe.writing) }
      process = try start(words, [1: pipe.writing, 2: pipe.writing])
    }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    let end = ContinuousClock.now + .seconds(seconds)
    while output.count < 1 << 20, ContinuousClock.now < end {
      var waiting = pollfd(fd: pipe.reading, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 100) > 0 else { continue }
      let count = read(pipe.reading, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return (wait(for: process), String(decoding: output, as: UTF8.self)) }
      output += chunk.prefix(count)
    }
    kill(-process, SIGKILL)
    return (wait(for: process), String(decoding: output, as: UTF8.self))
  }
}
