// A headless browser, to look at pages with.

import Foundation
import TestSupport

/// Chromium, by whichever of its names it is installed.
struct Browser {
  static let names = ["chromium", "chromium-headless-shell", "google-chrome", "google-chrome-stable"]

  /// nil where none is on the PATH.
  static let path: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return names.lazy.flatMap { name in folders.map { "\($0)/\(name)" } }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// What a browser that was started said.
  struct Outcome {
    let output: String
    /// The messages that a page's console shows, errors among them.
    let console: [String]
  }

  /// A browser that did not come to its end.
  struct Hang: Error {
    let page: String
  }

  /// Pages and what comes of them lie here; so do the browser's own files.
  let folder: TemporaryFolder

  /// Opens a page of the folder and ends, a minute later at the most.
  /// - Throws: ``Hang``.
  func open(_ page: String, _ options: String...) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.path ?? "chromium")
    process.arguments =
      [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--user-data-dir=\(folder.path("profile"))", "--enable-logging=stderr",
      ] + options + ["file://\(folder.path(page))"]
    process.environment = ProcessInfo.processInfo.environment.merging(["HOME": folder.url.path]) { $1 }
    let (output, error) = (folder.path("browser-output"), folder.path("browser-error"))
    for path in [output, error] { try Data().write(to: URL(fileURLWithPath: path)) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: error))
    // Threads that run tests block most signals, and the browser would too.
    var (none, blocked) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &blocked)
    defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
    try process.run()
    let end = Date(timeIntervalSinceNow: 60)
    while process.isRunning {
      guard Date() < end else {
        kill(process.processIdentifier, SIGKILL)
        throw Hang(page: page)
      }
      usleep(20_000)
    }
    let messages = String(decoding: FileManager.default.contents(atPath: error) ?? Data(), as: UTF8.self)
    return Outcome(
      output: String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self),
      console: messages.split(separator: "\n").map(String.init).filter { $0.contains("CONSOLE") })
  }
}
