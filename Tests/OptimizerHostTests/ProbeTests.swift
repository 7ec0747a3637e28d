// Plugins that crash, exit or hang when they are loaded: the host hears of it and lives.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct ProbeTests {
  static let crashes: [(code: String, signal: Int32)] = [
    ("volatile int *nowhere = NULL; *nowhere = 1;", SIGSEGV), ("abort();", SIGABRT),
    ("raise(SIGKILL);", SIGKILL),
  ]

  @Test(arguments: crashes) func aConstructorThatCrashes(_ code: String, signal: Int32) throws {
    let plugins = try ProbedPlugins()
    let path = try plugins.add("crash", code: ProbedPlugins.constructor(code))
    #expect(plugins.refusal(of: path) == .crashes(.loading, signal: signal))
    let text = "\(Refusal.crashes(.loading, signal: signal))"
    #expect(text.contains(String(cString: strsignal(signal))) && text.contains("optplug-probe FILE"))
  }

  @Test func anEntryThatCrashesOrExits() throws {
    let plugins = try ProbedPlugins()
    let crash = try plugins.add("crash", defines: ["ENTRY": "__builtin_trap();"])
    #expect(plugins.refusal(of: crash) == .crashes(.entering, signal: SIGILL))
    let exit = try plugins.add("leave", defines: ["ENTRY": "extern void _exit(int); _exit(7);"])
    #expect(plugins.refusal(of: exit) == .exits(.entering, status: 7))
    let pointer = try plugins.add("pointer", defines: ["OPTIMIZER": ".name = (const char *)8"])
    #expect(plugins.refusal(of: pointer) == .crashes(.describing, signal: SIGSEGV))
  }

  @Test func aConstructorThatExits() throws {
    let plugins = try ProbedPlugins()
    for status in [Int32(0), 7] {
      let path = try plugins.add("exit\(status)", code: ProbedPlugins.constructor("exit(\(status));"))
      #expect(plugins.refusal(of: path) == .exits(.loading, status: status))
    }
  }

  /// Ended at the limit, with the process that it has started and that keeps the pipe open.
  @Test func aConstructorThatHangs() throws {
    let plugins = try ProbedPlugins(timeLimit: .milliseconds(2500))
    let pids = plugins.folder.path("pids")
    let path = try plugins.add(
      "hang",
      code: ProbedPlugins.constructor(
        """
        fork();
        FILE *file = fopen("\(pids)", "a");
        fprintf(file, "%d\\n", getpid());
        fclose(file);
        for (;;) pause();
        """))
    let time = ContinuousClock().measure {
      #expect(plugins.refusal(of: path) == .hangs(.loading, seconds: 2.5))
    }
    // The plugin itself would never end; how soon after the limit depends on what else the machine does.
    #expect(time >= .milliseconds(2500) && time < .seconds(30), "\(time)")
    let processes = try String(contentsOfFile: pids, encoding: .utf8).split(separator: "\n").compactMap {
      pid_t($0)
    }
    #expect(processes.count == 2)
    for process in processes {
      // The orphan is reaped by another process, which may take a moment.
      for _ in 0..<500 where isRunning(process) { usleep(10_000) }
      #expect(!isRunning(process))
    }
  }

  /// Whether a process exists and is no zombie.
  private func isRunning(_ process: pid_t) -> Bool {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else {
      return false
    }
    return text.split(separator: ")").last?.hasPrefix(" Z") == false
  }

  /// The helper ends, the process that the plugin has started does not. (Only there: the plugin is then loaded here too.)
  @Test func aProcessLeftBehindDelaysNothing() throws {
    let plugins = try ProbedPlugins()
    let path = try plugins.add(
      "fork",
      code: "#include <errno.h>\n"
        + ProbedPlugins.constructor(
          """
          extern char *program_invocation_short_name;
          if (strcmp(program_invocation_short_name, "optplug-probe") == 0 && fork() == 0) for (;;) pause();
          """))
    let time = ContinuousClock().measure { #expect(plugins.refusal(of: path) == nil) }
    #expect(time < .seconds(30))
  }

  /// What the helper finds out arrives as it would from this process.
  @Test(arguments: [
    "entry-fails", "library-null", "optimizers-twice", "capability-mandatory", "minor-by-library",
  ])
  func refusalsArriveWhole(_ name: String) throws {
    // A plugin of this test's own, since others look at what leaves a trace.
    let file = try CPlugin.compile(
      source: Repository.file("Tests/BadPlugins/\(name).c"), flags: ["-DPROBED"])
    let here = #expect(throws: OptimizerError.self) {
      try BadPlugins.registry().find(OptimizerExpression(parsing: file.path))
    }
    let plugins = try ProbedPlugins()
    let path = plugins.path(name)
    try FileManager.default.copyItem(atPath: file.path, toPath: path)
    guard case .plugin(_, let refusal) = here else {
      Issue.record("\(String(describing: here))")
      return
    }
    #expect(plugins.refusal(of: path) == refusal)
    #expect(plugins.starts == 1)
  }

  /// Neither the terminal nor a file of the host is open in the plugin's process.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd")))
  func thePluginSeesNothingOfTheHost() throws {
    let plugins = try ProbedPlugins()
    let seen = plugins.folder.path("seen")
    let open = try FileHandle(forReadingFrom: URL(fileURLWithPath: #filePath))
    let inherited = fcntl(open.fileDescriptor, F_DUPFD, 500)
    defer { close(inherited) }
    #expect(inherited >= 500)
    let path = try plugins.add(
      "look",
      code: ProbedPlugins.constructor(
        "system(\"test -e '\(seen)' || ls -l /proc/$PPID/fd > '\(seen)'\"); puts(\"noise\");"))
    #expect(plugins.refusal(of: path) == nil)
    let lines = try String(contentsOfFile: seen, encoding: .utf8).split(separator: "\n").filter {
      $0.contains("->")
    }
    #expect(lines.count == 4, "\(lines)")
    #expect(lines.filter { $0.hasSuffix("/dev/null") }.count == 3)
    #expect(lines.filter { $0.contains("pipe:") }.count == 1)
  }
}
