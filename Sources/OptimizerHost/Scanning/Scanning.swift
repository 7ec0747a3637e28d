// How a registry treats files that it has not seen before.

import BasicFoundation
import COptimizerHost

/// What is done before a plugin's code may run in the host.
///
/// Every file is opened without waiting, must be regular, and its ELF tables and note are read; files that other users
/// could have written are refused. A file of unknown content is then loaded in a process of its own, the helper
/// `optplug-probe`, which a time limit ends; what came of it is remembered by the file's SHA-256, failures too, so that
/// a file is tried once and costs no process again.
///
/// Without the helper, a file that the user names, by path or by a name like the optimizer's, is loaded at once, and
/// any other is refused unless it is known already.
public struct Scanning: Sendable {
  /// Loads files although other users may write to them or own them.
  public var allowsInsecure: Bool
  /// The helper's path; nil when there is none.
  public var probe: String?
  /// The folder of what is remembered; nil: nothing is, beyond the registry's life. Made when it is needed; one that
  /// others may write to is not used.
  public var cache: String?
  /// For one file.
  public var timeLimit: Duration
  /// Tries files again of which a failure is remembered.
  public var retriesFailures: Bool

  /// By default nothing is tried and nothing remembered.
  public init(
    allowsInsecure: Bool = false, probe: String? = nil, cache: String? = nil,
    timeLimit: Duration = .seconds(5), retriesFailures: Bool = false
  ) {
    self.allowsInsecure = allowsInsecure
    self.probe = probe
    self.cache = cache
    self.timeLimit = timeLimit
    self.retriesFailures = retriesFailures
  }

  /// The helper from `OPTPLUG_PROBE`, else `optplug-probe` in the executable's folder or in its
  /// `../libexec/optplug`; the cache in `optplug` below `XDG_CACHE_HOME`, else below `~/.cache`.
  public static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> Scanning
  {
    let folder = executableFolder?.path
    return standard(
      environment,
      helpers: folder.map { ["\($0)/optplug-probe", "\($0)/../libexec/optplug/optplug-probe"] } ?? [])
  }

  /// The helper from `OPTPLUG_PROBE`, else the first of these that can be run.
  static func standard(_ environment: [String: String], helpers: [String]) -> Scanning {
    let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? "\($0)/.cache" : nil }
    // The base directory specification has relative paths ignored.
    let cache = environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? home
    let named = environment["OPTPLUG_PROBE"].flatMap { $0.isEmpty ? nil : $0 }
    return Scanning(
      probe: named ?? helpers.first { access($0, X_OK) == 0 }, cache: cache.map { "\($0)/optplug" })
  }
}

/// Where the running program lies, links resolved.
let executableFolder = executablePath.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }

/// The running program, links resolved; nil when the system does not say.
let executablePath: String? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1 << 14) { buffer in
  guard let text = buffer.baseAddress, optimizer_host_executable(text, buffer.count) == 0 else { return nil }
  return String(cString: text)
}
