// Makes machine code of programs, with the C compiler of the machine.

import BasicFoundation

/// A C compiler, and where its results are kept.
///
/// One may serve any number of optimizers, on any threads.
public final class ProgramCompiler: Sendable {
  /// The compiler's path, and arguments that the user has given with it.
  private let words: [String]
  /// What decides, with the source, what comes out: arguments, the compiler's version, the processor.
  let identity: String
  private let cache: ProgramCache
  private let lock = Lock()
  /// By source. Guarded by `lock`.
  nonisolated(unsafe) private var known: [String: CompiledProgram] = [:]

  /// - Parameters:
  ///   - environment: where `CC` names the compiler, with arguments if it likes; else it is `cc`. A name without a
  ///     slash is looked for in the folders of `PATH`.
  ///   - cache: nil: that of the environment.
  /// - Throws: `OptimizerError.program` when there is no compiler that works.
  public init(
    environment: [String: String] = ProcessInfo.processInfo.environment, cache: ProgramCache? = nil
  ) throws {
    let folders = environment["PATH"] ?? ""
    var named = environment["CC"].map { $0.split(whereSeparator: \.isWhitespace).map(String.init) } ?? []
    // A path may have spaces in it.
    if let whole = environment["CC"], named.count > 1, Self.find(whole, path: folders) != nil {
      named = [whole]
    }
    let name = named.first ?? "cc"
    guard let path = Self.find(name, path: folders) else {
      throw OptimizerError.program(
        "the C compiler '\(name)'\(named.isEmpty ? "" : ", which CC names,") is not there, or no program\(Self.remedy)"
      )
    }
    words = [path] + named.dropFirst()
    self.cache = cache ?? .standard(environment: environment)
    let version: (status: Int32?, output: String)
    do { version = try ChildProcess.run(words + ["--version"]) } catch {
      throw OptimizerError.program("the C compiler \(path) cannot be started (\(error))\(Self.remedy)")
    }
    guard (version.status ?? 0) == 0 else {
      throw OptimizerError.program(
        "\(path) --version failed, as if it were no C compiler\(Self.excerpt(version))\(Self.remedy)")
    }
    identity = ([version.output, Self.processor] + words + Self.arguments).joined(separator: "\n")
  }

  private static let remedy =
    "; install a C compiler (as gcc or clang), name it in CC, or step without compiled programs (convtrain: --no-jit)"

  /// What makes code fast and leaves every bit as the operations say:
  /// - each operation rounds once, so nothing may be contracted to a fused multiply-add;
  /// - square roots need not set `errno`, and no operation's exception is waited for, so that loops become vectors;
  /// - nothing of `-ffast-math`, whatever the user's own arguments say.
  private static let arguments: [String] = {
    #if arch(arm64)
      let machine = "-mcpu=native"
    #else
      let machine = "-march=native"
    #endif
    #if os(Linux)
      // The name of the source is nobody's business: equal sources make equal files.
      let linking = ["-shared", "-s"]
    #else
      let linking = ["-shared"]
    #endif
    return [
      "-std=c11", "-O3", machine, "-fno-fast-math", "-ffp-contract=off", "-fno-math-errno",
      "-fno-trapping-math", "-fno-semantic-interposition", "-fPIC",
    ] + linking
  }()

  /// What `native` means, since a folder of programs may be shared by machines.
  private static let processor: String = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    // Of the first processor, without what changes from moment to moment.
    let kept = ["vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features"]
    return text.components(separatedBy: "\n\n").first?.split(separator: "\n").filter { line in
      kept.contains { line.hasPrefix($0) }
    }.joined(separator: "\n") ?? ""
  }()

  private static func find(_ name: String, path: String) -> String? {
    let places =
      name.contains("/")
      ? [name] : path.split(separator: ":").filter { $0.hasPrefix("/") }.map { "\($0)/\(name)" }
    return places.first { place in
      var info = stat()
      return stat(place, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && access(place, X_OK) == 0
    }
  }

  /// The code of a program for parameters of a type.
  /// - Throws: `OptimizerError.program`.
  func compile(_ program: FusedProgram, _ type: DType) throws -> CompiledProgram {
    let source = program.cForPieces(type)
    return try lock.withLock {
      if let known = known[source] { return known }
      // Kept as long as `load` needs it.
      let cache = cache
      let path = try cache.file("\(identity)\n\(source)", suffix: ".so") { try run(source, to: $0) }
      do {
        let compiled = try CompiledProgram(path)
        known[source] = compiled
        return compiled
      } catch OptimizerError.program(let problem) {
        // What is kept must be good for something.
        unlink(path)
        throw OptimizerError.program("what \(words[0]) made \(problem)\(Self.remedy)")
      }
    }
  }

  private func run(_ source: String, to path: String) throws {
    let file = "\(path).c"
    defer { unlink(file) }
    do {
      try Data(source.utf8).write(to: URL(fileURLWithPath: file))
      // libm has fused multiply-adds for a processor that has none.
      let result = try ChildProcess.run(words + Self.arguments + ["-o", path, file, "-lm"])
      guard (result.status ?? 0) == 0 else {
        throw OptimizerError.program("the C compiler \(words[0]) failed\(Self.excerpt(result))\(Self.remedy)")
      }
      guard access(path, F_OK) == 0 else {
        throw OptimizerError.program("the C compiler \(words[0]) made no file\(Self.remedy)")
      }
    } catch let error as OptimizerError {
      throw error
    } catch {
      throw OptimizerError.program("\(file) cannot be written (\(error)); is the disk full?")
    }
  }

  /// What is wrong: the signal that ended a compiler, or the line that says it, of all that it has printed.
  private static func excerpt(_ result: (status: Int32?, output: String)) -> String {
    if let status = result.status, status & 0x7F != 0 {
      return
        " (ended by a signal: \(strsignal(status & 0x7F).map { String(cString: $0) } ?? "\(status & 0x7F)"))"
    }
    // The driver's summary says nothing of the linker's reason.
    let lines = result.output.split(separator: "\n").filter { !$0.contains("ld returned") }
    return (lines.first { $0.contains("error") } ?? lines.last).map { " (\($0))" } ?? ""
  }
}

/// A program as machine code, which stays in the process.
struct CompiledProgram {
  /// Updates `count` pieces, one after another.
  typealias Function =
    @convention(c) (_ pieces: UnsafeRawPointer?, _ count: Int64, _ constants: UnsafeRawPointer?) -> Void

  let function: Function

  /// - Throws: `OptimizerError.program`.
  fileprivate init(_ path: String) throws {
    // The loader trusts what a file says of itself, and dies of one that is cut short.
    #if os(Linux)
      do { _ = try ELFFile(path: path) } catch {
        throw OptimizerError.program("is no whole shared object (\(path): \(error))")
      }
    #endif
    // A compiler's start-up code may change the floating-point mode of the thread that loads.
    let handle = keepingFloatingPointMode { dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else {
      let reason = dlerror().map { String(cString: $0) } ?? "the loader gives no reason"
      throw OptimizerError.program(
        "cannot be loaded (\(reason)); name a folder whose files may be executed in XDG_CACHE_HOME")
    }
    guard let symbol = dlsym(handle, "optplug_pieces") else {
      throw OptimizerError.program("holds no program (\(path))")
    }
    function = unsafeBitCast(symbol, to: Function.self)
  }
}
