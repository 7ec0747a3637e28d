// Runs one of the tools of this build and keeps what it says.

import Foundation

/// What a finished program left.
public struct Outcome: Sendable {
  public let status: Int32
  public let output: String
  public let error: String
}

/// A tool and a folder for one test's files, in which it runs.
public final class Program {
  public let folder: TemporaryFolder
  private let executable: URL

  /// - Parameter name: of the executable, such as "convtrain".
  public init(_ name: String) throws {
    folder = try TemporaryFolder()
    executable = BuildProducts.directory.appendingPathComponent(name)
  }

  public func path(_ name: String) -> String { folder.path(name) }

  public func contents(_ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: path(name)))
  }

  /// Names of the files in the folder, without those that catch the program's output, its cache and its runs.
  public func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
      .filter { !$0.hasPrefix("caught-") && $0 != "cache" && $0 != "runs" }.sorted()
  }

  public func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }

  /// Starts the tool. Output goes to files, which cannot fill up and block as pipes do.
  public func start(
    _ arguments: [String], output: FileHandle? = nil, environment: [String: String] = [:]
  ) throws -> Running {
    let running = Running(
      process: Process(), outputPath: path("caught-\(UUID())"), errorPath: path("caught-\(UUID())"))
    for path in [running.outputPath, running.errorPath] {
      try Data().write(to: URL(fileURLWithPath: path))
    }
    let process = running.process
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    let settings = ["COLUMNS": "80", "NO_COLOR": "1", "XDG_CACHE_HOME": path("cache")].merging(environment) {
      $1
    }
    process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try output ?? FileHandle(forWritingTo: URL(fileURLWithPath: running.outputPath))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: running.errorPath))
    try process.run()
    return running
  }

  /// Runs the tool to its end.
  public func run(_ arguments: String...) throws -> Outcome { try start(arguments).finish() }
}

/// A program that was started.
public struct Running {
  public let process: Process
  let outputPath, errorPath: String

  public var error: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

  /// Waits until the program has written `text` to stderr, a minute at most.
  public func waitForError(_ text: String) throws {
    try wait { error.contains(text) || !process.isRunning }
  }

  /// Waits for the end, two minutes at most: a program that hangs fails its test instead of all of them.
  public func finish() throws -> Outcome {
    try wait(seconds: 120) { !process.isRunning }
    process.waitUntilExit()
    return Outcome(
      // A signal that killed it shows as the shell shows it.
      status: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus,
      output: try String(contentsOfFile: outputPath, encoding: .utf8), error: error)
  }

  private func wait(seconds: Double = 60, until isDone: () -> Bool) throws {
    let end = Date(timeIntervalSinceNow: seconds)
    while !isDone() {
      guard Date() < end else {
        kill(process.processIdentifier, SIGKILL)
        throw Timeout(arguments: process.arguments ?? [], error: error)
      }
      usleep(10_000)
    }
  }
}

/// A program that did not come to its end.
public struct Timeout: Error {
  public let arguments: [String]
  public let error: String
}
