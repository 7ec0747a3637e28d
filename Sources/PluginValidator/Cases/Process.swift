// Cases about what a plugin does to the process that it is a guest in.

import COptPlug
import CPluginValidator
import Foundation
import OptimizerHost

extension ValidationCase {
  static let process: [ValidationCase] = [
    ValidationCase("allocates-nothing-in-step", "A step neither allocates memory nor releases any.") {
      subject in
      guard plugin_validator_can_count() != 0 else {
        throw Verdict.skipped("this program does not count allocations")
      }
      let training = try Training(subject)
      try subject.needOwnWork()
      var count: UInt64 = 0
      try subject.interposition().around = { function, call in
        if function == "step" { count += Watch.allocations(call) } else { call() }
      }
      try training.step(times: 4)
      try expect(
        count == 0,
        "4 steps call malloc, free or their kin \(count) times; ask for slots in plan, and use the stack")
    },
    ValidationCase("makes-no-system-call-in-step", "A step makes no system call.") { subject in
      let refusal = plugin_validator_prepare_system_calls()
      guard refusal == 0 else {
        throw Verdict.skipped(
          "this kernel cannot tell: syscall user dispatch is refused (\(String(cString: strerror(refusal))))")
      }
      let training = try Training(subject)
      try subject.needOwnWork()
      var number: Int?
      try subject.interposition().around = { function, call in
        if function == "step" { number = number ?? Watch.firstSystemCall(call) } else { call() }
      }
      try training.step(times: 4)
      if let number {
        throw Verdict.failed("step makes system call \(systemCallName(number)); a step only computes")
      }
    },
    ValidationCase("starts-no-thread", "Making instances and stepping starts no thread.") { subject in
      _ = try subject.plugin()
      let before = try entries(of: "/proc/self/task")
      let training = try Training(subject)
      try subject.needOwnWork()
      try training.step(times: 3)
      let started = try entries(of: "/proc/self/task").subtracting(before).count
      try expect(
        started == 0, "it starts \(started) thread\(started == 1 ? "" : "s"); the host's threads call step")
    },
    ValidationCase("leaves-no-file-open", "No file is open after an instance has ended that was not before.")
    {
      subject in
      _ = try subject.plugin()
      let before = try openFiles()
      try live(subject)
      let left = try openFiles().filter { before[$0.key] == nil }.map(\.value).sorted()
      try expect(left.isEmpty, "it leaves open: \(left.joined(separator: ", "))")
    },
    ValidationCase(
      "keeps-the-floating-point-mode", "Rounding and the flushing of denormals are as before each call."
    ) { subject in
      let mode = plugin_validator_float_mode()
      var changed: String?
      Watch.running("dlopen") { _ = dlopen(subject.path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
      if plugin_validator_float_mode() != mode {
        changed = "loading (link without -Ofast and -ffast-math)"
        plugin_validator_set_float_mode(mode)
      }
      let entry = try subject.entry()
      var library: UnsafePointer<optplug_library>?
      _ = entry(LoadedPlugin.host, &library, nil)
      if plugin_validator_float_mode() != mode { changed = changed ?? "optplug_entry_v1" }
      plugin_validator_set_float_mode(mode)
      try subject.interposition().around = { function, call in
        call()
        if plugin_validator_float_mode() != mode {
          changed = changed ?? function
          plugin_validator_set_float_mode(mode)
        }
      }
      try live(subject)
      if let changed { throw Verdict.failed("\(changed) changes the thread's floating-point mode") }
    },
    ValidationCase("keeps-the-locale", "The locale is as before.") { subject in
      let before = ProcessSetting.locale()
      try live(subject)
      let after = ProcessSetting.locale()
      try expect(after == before, "the locale was \(before) and is \(after)")
    },
    ValidationCase("keeps-signal-handlers", "No signal is handled otherwise than before.") {
      subject in
      let (before, mask) = (ProcessSetting.signalHandlers(), ProcessSetting.signalMask())
      try live(subject)
      let after = ProcessSetting.signalHandlers()
      let changed = before.keys.filter { after[$0] != before[$0] }.sorted()
      try expect(
        changed.isEmpty,
        "the handling of signal \(changed.map { "\($0)" }.joined(separator: ", ")) has changed")
      try expect(ProcessSetting.signalMask() == mask, "the signals that the thread holds back have changed")
    },
    ValidationCase("keeps-the-directory", "The working directory is as before.") { subject in
      let before = ProcessSetting.directory()
      try live(subject)
      let after = ProcessSetting.directory()
      try expect(after == before, "the working directory was \(before) and is \(after)")
    },
    ValidationCase("keeps-the-environment", "The environment's variables are as before.") {
      subject in
      // The host and the system set none from here on.
      let before = ProcessSetting.environment()
      try live(subject)
      let after = ProcessSetting.environment()
      let changed = Set(after).symmetricDifference(before).min()
      try expect(after == before, "the environment has changed: \(changed ?? "its order")")
    },
    ValidationCase("stays-silent", "Nothing is written to standard output or error.") { subject in
      guard let file = tmpfile() else { throw Verdict.skipped("no temporary file can be made") }
      defer { fclose(file) }
      fflush(nil)
      let (output, error) = (dup(1), dup(2))
      dup2(fileno(file), 1)
      dup2(fileno(file), 2)
      let result = Result { try live(subject) }
      fflush(nil)
      dup2(output, 1)
      dup2(error, 2)
      close(output)
      close(error)
      try result.get()
      var buffer = [UInt8](repeating: 0, count: 200)
      let count = pread(fileno(file), &buffer, buffer.count, 0)
      let text =
        String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        .split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
      try expect(count <= 0, "it writes: \(text); use the error's message, or nothing")
    },
  ]

  /// A whole life: loading, an instance, some steps, and its end.
  private static func live(_ subject: Subject) throws {
    let training = try Training(subject)
    try training.step(times: 3)
  }

  private static func systemCallName(_ number: Int) -> String {
    #if arch(x86_64)
      let names = [
        0: "read", 1: "write", 2: "open", 3: "close", 8: "lseek", 9: "mmap", 10: "mprotect", 11: "munmap",
        12: "brk",
        13: "rt_sigaction", 14: "rt_sigprocmask", 16: "ioctl", 24: "sched_yield", 28: "madvise",
        35: "nanosleep",
        39: "getpid", 56: "clone", 57: "fork", 96: "gettimeofday", 186: "gettid", 202: "futex",
        228: "clock_gettime", 230: "clock_nanosleep", 231: "exit_group", 257: "openat", 318: "getrandom",
        435: "clone3",
      ]
      return names[number].map { "\($0) (\(number))" } ?? "\(number)"
    #else
      return "\(number)"
    #endif
  }
}

extension Subject {
  /// Ends the case as skipped when steps may go through services of the host, whose own doings cannot be told apart.
  fileprivate func needOwnWork() throws {
    let services = [OPTPLUG_EXTENSION_PARALLEL_FOR, OPTPLUG_EXTENSION_MATRIX_PRODUCT, OPTPLUG_EXTENSION_LOG]
    if let asked = try services.first(where: interposition().askedExtensions.contains) {
      throw Verdict.skipped("it works with the host's \(asked), and what that does would count as its own")
    }
  }
}
