// Compiles plugins written in C, so that tests can load what a stranger might hand in.

import Foundation

/// A shared object made from one C source, at most once per test run.
public enum CPlugin {
  /// Why a source did not become a plugin.
  public enum Failure: Error, CustomStringConvertible {
    case noCompiler(String)
    case rejected(source: String, messages: String)

    public var description: String {
      switch self {
      case .noCompiler(let name):
        "the tests compile C plugins, but there is no \(name) on the PATH; install a C compiler"
      case .rejected(let source, let messages): "\(source) does not compile:\n\(messages)"
      }
    }
  }

  /// Where the plugins of this run lie; removed when the tests end.
  public static let folder: URL = {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("optplug-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    atexit { try? FileManager.default.removeItem(at: CPlugin.folder) }
    return folder.resolvingSymlinksInPath()
  }()

  private static let compiled = Locked<[[String]: Result<URL, any Error>]>([:])

  /// The plugin made from `source` with `cc`, with the header on the include path. The macro TRACE names the file
  /// `trace(of:)`.
  /// - Parameter flags: further arguments, behind the source.
  /// - Throws: `CPlugin.Failure`.
  public static func compile(source: URL, flags: [String] = []) throws -> URL {
    let key = [source.path] + flags
    if let result = compiled.withLock({ $0[key] }) { return try result.get() }
    // Two tests may compile the same source at once; the first to finish sets the file that both get.
    let plugin = folder.appendingPathComponent("\(UUID().uuidString)").appendingPathComponent(
      source.deletingPathExtension().lastPathComponent + ".so")
    let result = Result<URL, any Error> {
      try FileManager.default.createDirectory(
        at: plugin.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Compiler.cc.run(
        [
          "-std=gnu11", "-shared", "-fPIC", "-I", Repository.file("include").path,
          "-DTRACE=\"\(trace(of: plugin).path)\"", "-o", plugin.path, source.path,
        ] + flags + ["-lm"])
      return plugin
    }
    return try compiled.withLock { known in
      known[key] = known[key] ?? result
      return try (known[key] ?? result).get()
    }
  }

  /// The plugins made from every C source of a folder, by the names of the sources.
  public static func compileAll(in folder: URL) throws -> [String: URL] {
    let sources = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "c" }
    let results = Locked<[String: Result<URL, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: sources.count) { i in
      let result = Result { try compile(source: sources[i]) }
      results.withLock { $0[sources[i].deletingPathExtension().lastPathComponent] = result }
    }
    return try results.withLock { try $0.mapValues { try $0.get() } }
  }

  /// Where the code of a plugin leaves its traces.
  public static func trace(of plugin: URL) -> URL { plugin.appendingPathExtension("trace") }

  /// The events that the code of a plugin has traced so far, in order.
  public static func events(of plugin: URL) -> [String] {
    let text = (try? String(contentsOf: trace(of: plugin), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").map(String.init)
  }
}

/// A compiler on the PATH, or by its path.
public struct Compiler: Sendable, CustomStringConvertible {
  public let name: String

  public init(_ name: String) { self.name = name }

  public static let cc = Compiler("cc")

  public var description: String { name }

  public var isInstalled: Bool { path != nil }

  private var path: String? {
    if name.contains("/") { return name }
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Runs the compiler, in a folder or in the current one.
  /// - Throws: `CPlugin.Failure` with its messages; warnings alone are no failure.
  public func run(_ arguments: [String], in folder: URL? = nil) throws {
    _ = try output(arguments, in: folder)
  }

  /// Runs the program and returns what it wrote, to either stream.
  /// - Throws: `CPlugin.Failure` with it when the program fails.
  public func output(_ arguments: [String], in folder: URL? = nil) throws -> String {
    guard let path else { throw CPlugin.Failure.noCompiler(name) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = folder }
    let messages = Pipe()
    process.standardOutput = messages
    process.standardError = messages
    // Threads that run tests block most signals, and a child would too: CMake waits for ever without SIGCHLD.
    var (none, blocked) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &blocked)
    defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
    try process.run()
    let text = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let source = arguments.first { $0.hasSuffix(".c") || $0.hasSuffix(".cpp") } ?? "the source"
      throw CPlugin.Failure.rejected(source: source, messages: text)
    }
    return text
  }
}
