// Decides whether a file's code may run in the host.

import BasicFoundation

/// Applies a registry's `Scanning` to files.
final class PluginScanner {
  private let scanning: Scanning
  private let cache: ScanCache?
  /// By content.
  private var verdicts: [String: Verdict] = [:]

  init(_ scanning: Scanning) {
    self.scanning = scanning
    cache = scanning.cache.map(ScanCache.init)
  }

  /// Examines a file without running its code.
  /// - Throws: `OptimizerError.plugin`.
  func open(_ path: String) throws(OptimizerError) -> PluginFile {
    let file = try PluginFile(path)
    guard !scanning.allowsInsecure else { return file }
    try named(path) {
      try FileTrust.check(file.path)
      // Where a link leads decides as much as the file that it leads to.
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().resolvingSymlinksInPath().path
      if folder != URL(fileURLWithPath: file.path).deletingLastPathComponent().path {
        try FileTrust.check(folder, isFolder: true)
      }
    }
    return file
  }

  /// What the file holds, from memory or by trying it.
  /// - Parameter isNamed: whether the user means this very file.
  /// - Returns: nil when nothing is known but the file may be loaded at once.
  /// - Throws: `OptimizerError.plugin`.
  func optimizers(in file: PluginFile, isNamed: Bool) throws(OptimizerError) -> [OptimizerSummary]? {
    try named(file.path) {
      if let verdict = verdicts[file.hash] { return try verdict.get() }
      if let verdict = cache?.verdict(on: file.hash), !(verdict.isFailure && scanning.retriesFailures) {
        if case .refused(let refusal) = verdict { throw Refusal.remembered(refusal) }
        verdicts[file.hash] = verdict
        return try verdict.get()
      }
      guard let probe = scanning.probe else {
        guard isNamed else { throw Refusal.untried("there is no optplug-probe beside the program") }
        return nil
      }
      let verdict = try ProbeProcess.verdict(on: file.path, probe: probe, timeLimit: scanning.timeLimit)
      verdicts[file.hash] = verdict
      if verdict.isLasting { cache?.remember(verdict, on: file.hash, path: file.path) }
      return try verdict.get()
    }
  }

  private func named<R>(_ path: String, _ body: () throws -> R) throws(OptimizerError) -> R {
    do { return try body() } catch let refusal as Refusal {
      throw .plugin(path, refusal)
    } catch {
      throw .plugin(path, .unreadable("\(error)"))
    }
  }
}
