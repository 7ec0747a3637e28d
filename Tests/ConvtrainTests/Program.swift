// Runs the real convtrain, found beside the test bundle, and keeps what it says.

import Datasets
import Foundation
import Testing

/// What a finished program left.
struct Outcome {
  let status: Int32
  let output: String
  let error: String
}

/// A folder for one test's files, in which convtrain runs.
final class Program {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("convtrain-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: folder)
  }

  func path(_ name: String) -> String { folder.path + "/" + name }

  func contents(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path(name))) }

  /// Names of the files in the folder, without those that catch the program's output.
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { !$0.hasPrefix("caught-") }.sorted()
  }

  /// Where products of this build lie.
  private static let products: URL = {
    let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }
    return bundle.map { $0.bundleURL.deletingLastPathComponent() } ?? Bundle.main.bundleURL
  }()

  /// Starts convtrain. Output goes to files, which cannot fill up and block as pipes do.
  func start(
    _ arguments: [String], output: FileHandle? = nil, environment: [String: String] = [:]
  ) throws -> Running {
    let running = Running(
      process: Process(), outputPath: path("caught-\(UUID())"), errorPath: path("caught-\(UUID())"))
    for path in [running.outputPath, running.errorPath] {
      #expect(FileManager.default.createFile(atPath: path, contents: nil))
    }
    let process = running.process
    process.executableURL = Self.products.appendingPathComponent("convtrain")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let settings = environment.merging(["COLUMNS": "80", "NO_COLOR": "1"]) { $1 }
    process.environment = ProcessInfo.processInfo.environment.merging(settings) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try output ?? FileHandle(forWritingTo: URL(fileURLWithPath: running.outputPath))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: running.errorPath))
    try process.run()
    return running
  }

  /// Runs convtrain to its end.
  func run(_ arguments: String...) throws -> Outcome { try start(arguments).finish() }

  /// Writes a data set as IDX files into a subfolder.
  func writeIDX(_ dataset: Dataset, to name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: false)
    for (part, images) in [("train", dataset.train), ("t10k", dataset.test)] {
      let sizes = [images.count, images.shape.height, images.shape.width]
      try write(
        [0, 0, 8, 3] + sizes.flatMap(bigEndian) + images.pixels, to: "\(name)/\(part)-images-idx3-ubyte")
      try write(
        [0, 0, 8, 1] + bigEndian(images.count) + images.labels, to: "\(name)/\(part)-labels-idx1-ubyte")
    }
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }

  private func bigEndian(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
  }
}

/// A program that was started.
struct Running {
  let process: Process
  let outputPath, errorPath: String

  var error: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

  /// Waits until the program has written `text` to stderr, a minute at most.
  func waitForError(_ text: String) throws {
    try wait { error.contains(text) || !process.isRunning }
  }

  /// Waits for the end, two minutes at most: a program that hangs fails its test instead of all of them.
  func finish() throws -> Outcome {
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
struct Timeout: Error {
  let arguments: [String]
  let error: String
}
