// Cases about the file and what happens when it is loaded.

import COptPlug
import Foundation
import OptimizerHost

extension ValidationCase {
  static let loading: [ValidationCase] = [
    ValidationCase(
      "loads", "The file is a shared library for this machine whose entry hands out a library.", needs: .file,
      ofLibrary: true
    ) { subject in
      do { _ = try subject.plugin() } catch OptimizerError.plugin(_, let refusal) {
        // These have cases of their own.
        if case .descriptor = refusal { return }
        if refusal.isUndefinedSymbol { return }
        throw Verdict.failed("it \(refusal)")
      }
    },
    ValidationCase(
      "resolves-every-symbol", "Every symbol is found when the file is loaded, not when it is first used.",
      needs: .file, ofLibrary: true
    ) { subject in
      do { _ = try subject.plugin() } catch OptimizerError.plugin(_, let refusal) {
        try expect(!refusal.isUndefinedSymbol, "it \(refusal); link the library that defines it")
        throw Verdict.skipped("it is not loaded for another reason; see 'loads'")
      }
    },
    ValidationCase(
      "loads-fast", "Loading and describing takes less than 50 ms.", needs: .library, ofLibrary: true
    ) { subject in
      let (start, waited) = (DispatchTime.now().uptimeNanoseconds, waitingForProcessor())
      _ = try subject.plugin()
      let taken = DispatchTime.now().uptimeNanoseconds - start
      let milliseconds = Int(taken - min(taken, waitingForProcessor() - waited)) / 1_000_000
      try expect(
        milliseconds < 50,
        "loading takes \(milliseconds) ms; do the work when an instance is made, or lazily")
    },
    ValidationCase(
      "loads-without-threads", "Loading starts no thread.", needs: .library, ofLibrary: true
    ) { subject in
      let before = try entries(of: "/proc/self/task")
      _ = try subject.plugin()
      let started = try entries(of: "/proc/self/task").subtracting(before).count
      try expect(
        started == 0, "loading starts \(started) thread\(started == 1 ? "" : "s"); the host has its own")
    },
    ValidationCase(
      "loads-without-files", "Loading leaves no file open.", needs: .library, ofLibrary: true
    ) { subject in
      let before = try openFiles()
      _ = try subject.plugin()
      let left = try openFiles().filter { before[$0.key] == nil }.map(\.value).sorted()
      try expect(left.isEmpty, "loading leaves open: \(left.joined(separator: ", ")); close what is opened")
    },
    ValidationCase(
      "exports-one-symbol", "The file exports its entry and nothing else.", needs: .library, ofLibrary: true
    ) { subject in
      let others = try LoadedPlugin.facts(of: subject.path).exports.subtracting(["optplug_entry_v1"]).sorted()
      guard !others.isEmpty else { return }
      let shown = others.prefix(3).joined(separator: ", ") + (others.count > 3 ? ", …" : "")
      throw Verdict.warning(
        "it exports \(others.count) other symbol\(others.count == 1 ? "" : "s") (\(shown)), which may clash with "
          + "those of others; build with -fvisibility=hidden")
    },
    ValidationCase(
      "needs-only-system-libraries", "The file needs no library beyond those of every system.",
      needs: .library,
      ofLibrary: true
    ) { subject in
      let system = ["libc.so", "libm.so", "ld-linux", "libpthread.so", "libdl.so", "librt.so"]
      let others = try LoadedPlugin.facts(of: subject.path).needed.filter { name in
        !system.contains { name.hasPrefix($0) }
      }
      guard !others.isEmpty else { return }
      throw Verdict.warning(
        "it needs \(others.joined(separator: ", ")), which must be installed wherever it is used; link them in"
      )
    },
    ValidationCase(
      "has-no-executable-stack", "The file does not ask for an executable stack.", needs: .library,
      ofLibrary: true
    ) { subject in
      try expect(
        !executableStack(try Data(contentsOf: URL(fileURLWithPath: subject.path), options: .alwaysMapped)),
        "it makes the stack of the whole process executable; link with -z noexecstack")
    },
    ValidationCase(
      "carries-a-note", "The file carries a note, so that hosts can refuse it before they run its code.",
      needs: .library, ofLibrary: true
    ) { subject in
      if try !LoadedPlugin.facts(of: subject.path).hasNote {
        throw Verdict.warning("it carries no note; write OPTPLUG_PLUGIN_NOTE(0); once in its source")
      }
    },
    ValidationCase(
      "enters-twice-alike",
      "The entry stores the same pointer on every call, also without room for an error.",
      needs: .library, ofLibrary: true
    ) { subject in
      let entry = try subject.entry()
      let first = try library(entry)
      for _ in 0..<3 {
        try expect(try library(entry) == first, "the entry stores another pointer when it is called again")
      }
    },
    ValidationCase(
      "enters-on-any-thread", "The entry stores the same pointer on another thread.", needs: .library,
      ofLibrary: true
    ) { subject in
      let entry = try subject.entry()
      let first = try library(entry)
      let other = try onNewThread { try library(entry) }
      try expect(other == first, "the entry stores another pointer on another thread")
    },
  ]
}

extension Refusal {
  fileprivate var isUndefinedSymbol: Bool {
    if case .loader(let message) = self { return message.contains("undefined symbol") }
    return false
  }
}

extension Subject {
  /// The entry of the plugin, which is loaded.
  func entry() throws -> optplug_entry_v1_function {
    _ = try plugin()
    guard let handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD), let symbol = dlsym(handle, "optplug_entry_v1")
    else {
      throw Verdict.failed("the loader does not find its entry again")
    }
    return unsafeBitCast(symbol, to: optplug_entry_v1_function.self)
  }
}

/// What an entry hands out when the host gives no room for an error.
private func library(_ entry: optplug_entry_v1_function) throws -> UnsafePointer<optplug_library>? {
  var library: UnsafePointer<optplug_library>?
  var status = OPTPLUG_INTERNAL
  Watch.running("optplug_entry_v1") { status = entry(LoadedPlugin.host, &library, nil) }
  try expect(status == OPTPLUG_OK, "the entry fails with status \(status) when it is called again")
  return library
}

/// Nanoseconds that this thread could have run but had to wait, since others ran.
private func waitingForProcessor() -> UInt64 {
  let text = (try? String(contentsOfFile: "/proc/thread-self/schedstat", encoding: .utf8)) ?? ""
  let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
  return numbers.count > 1 ? numbers[1] : 0
}

/// Whether the program header of type GNU_STACK is executable, or missing, which means the same.
private func executableStack(_ file: Data) -> Bool {
  func integer<T: FixedWidthInteger>(_ at: Int, _: T.Type) -> T {
    file.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: at, as: T.self) }
  }
  // The host has loaded the file, so its headers are whole.
  let table = Int(integer(32, UInt64.self))
  for i in 0..<Int(integer(56, UInt16.self)) {
    let header = table + i * Int(integer(54, UInt16.self))
    if integer(header, UInt32.self) == 0x6474_E551 { return integer(header + 4, UInt32.self) & 1 != 0 }
  }
  return true
}
