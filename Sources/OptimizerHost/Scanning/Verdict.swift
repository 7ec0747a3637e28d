// What came of trying a file, as the helper reports it and the cache keeps it.

import BasicFoundation

/// The outcome of loading a file in a process of its own.
enum Verdict: Codable, Equatable {
  case plugin([OptimizerSummary])
  case refused(Refusal)

  /// Whether the same file will fare no differently tomorrow, so that the verdict may be remembered. What the loader
  /// misses may be installed meanwhile.
  var isLasting: Bool {
    switch self {
    case .plugin: true
    case .refused(.missingDependency), .refused(.loader): false
    case .refused: true
    }
  }

  var isFailure: Bool {
    if case .refused = self { true } else { false }
  }

  /// - Throws: the refusal.
  func get() throws -> [OptimizerSummary] {
    switch self {
    case .plugin(let optimizers): return optimizers
    case .refused(let refusal): throw refusal
    }
  }
}

/// How far the helper has come: one line for each on its way to the verdict.
public enum ProbeStage: String, Sendable, Codable {
  case starting, loading, entering, describing

  var words: String {
    switch self {
    case .starting: "before it is loaded"
    case .loading: "in code that runs when it is loaded"
    case .entering: "in optplug_entry_v1"
    case .describing: "while it describes itself"
    }
  }
}

/// The helper's side.
public enum PluginProbe {
  /// Loads the file at `path` into this process, which may well crash, and says how it goes.
  /// - Parameters:
  ///   - report: gets one line for each stage, without its end, and the verdict last.
  /// - Returns: what was found, for people: nil, or why the file cannot be used.
  public static func load(_ path: String, report: (String) -> Void) -> String? {
    let verdict: Verdict
    do {
      let library = try PluginLibrary(try PluginFile(path)) { report($0.rawValue) }
      verdict = .plugin(library.optimizers.map(OptimizerSummary.init))
    } catch OptimizerError.plugin(_, let refusal) {
      verdict = .refused(refusal)
    } catch {
      verdict = .refused(.unreadable("\(error)"))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if let text = try? encoder.encode(verdict) { report(String(decoding: text, as: UTF8.self)) }
    guard case .refused(let refusal) = verdict else { return nil }
    return "\(refusal)"
  }
}
