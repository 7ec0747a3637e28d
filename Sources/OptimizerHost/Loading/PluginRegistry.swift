// Finds optimizers by name in the search path, or by path.

import Foundation

/// Where plugins are looked for, and those loaded so far. Use it from one thread at a time.
public final class PluginRegistry {
  /// Folders in the order in which they are searched.
  public let searchPath: [String]
  private var loaded: [String: PluginLibrary] = [:]

  /// A registry over the standard places: those in `OPTPLUG_PATH` (separated by ':'), the executable's own folder
  /// and its `../lib/optplug`, `~/.local/lib/optplug`, `/usr/local/lib/optplug`, `/usr/lib/<triplet>/optplug`. Never
  /// the current directory.
  public static func standard(environment: [String: String] = ProcessInfo.processInfo.environment)
    -> PluginRegistry
  {
    // split drops empty entries, which would mean the current directory: that could be anybody's.
    let own = environment["OPTPLUG_PATH"]?.split(separator: ":").map(String.init) ?? []
    let executable = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent()
    let beside =
      executable.map { [$0.path, $0.appendingPathComponent("../lib/optplug").standardized.path] } ?? []
    let home = environment["HOME"].map { ["\($0)/.local/lib/optplug"] } ?? []
    return PluginRegistry(
      searchPath: own + beside + home + ["/usr/local/lib/optplug", "/usr/lib/\(triplet)/optplug"])
  }

  /// A registry over these folders.
  public init(searchPath: [String]) { self.searchPath = searchPath }

  /// The optimizer that a target of an expression names.
  /// - Throws: `OptimizerError.unknownOptimizer` or `OptimizerError.plugin`.
  func find(_ expression: OptimizerExpression) throws -> OptimizerType {
    guard expression.isPath else { return try find(name: expression.target) }
    let library = try load(expression.target)
    guard let member = expression.member else {
      guard library.optimizers.count == 1 else {
        // A library named after one of its optimizers (libAdam.so) means that one.
        if let eponym = library.optimizers.first(where: { isNamed(library.path, after: $0.name) }) {
          return eponym
        }
        throw OptimizerError.plugin(expression.target, .severalOptimizers(library.optimizers.map(\.name)))
      }
      return library.optimizers[0]
    }
    guard let optimizer = library.optimizers.first(where: { $0.name == member }) else {
      throw OptimizerError.plugin(
        expression.target, .noSuchOptimizer(member, available: library.optimizers.map(\.name)))
    }
    return optimizer
  }

  /// The first optimizer of this name. Files named after it come first, in all folders, then the others by folder and
  /// name, so that looking for a shipped optimizer does not run code of unrelated plugins; only files that export
  /// the entry symbol are loaded.
  private func find(name: String) throws -> OptimizerType {
    var known: [String] = []
    var failures: [String] = []
    let files = searchPath.flatMap { folder in
      plugins(in: folder) { path, error in
        if isNamed(path, after: name) { failures.append("\(error)") }
      }
    }
    for file in files.filter({ isNamed($0.path, after: name) })
      + files.filter({ !isNamed($0.path, after: name) })
    {
      do {
        let library = try load(file)
        if let optimizer = library.optimizers.first(where: { $0.name == name }) { return optimizer }
        known += library.optimizers.map(\.name)
      } catch { failures.append("\(error)") }
    }
    let folders = searchPath.map { "\n  \($0)" }.joined()
    let unusable = failures.map { "\n  \($0)" }.joined()
    throw OptimizerError.unknownOptimizer(
      name,
      problem: "no plugin describes it.\(suggestion(for: name, among: known)) Searched:\(folders)"
        + (unusable.isEmpty ? "" : "\nUnusable:\(unusable)")
        + (known.isEmpty ? "" : "\nFound: \(Set(known).sorted().joined(separator: ", "))"))
  }

  /// Files of a folder that look like plugins, in the order of their names; the others go to `refused`.
  private func plugins(in folder: String, refused: (String, any Error) -> Void) -> [PluginFile] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().filter { $0.hasSuffix(".so") || $0.hasSuffix(".dylib") }.compactMap { name in
      do { return try PluginFile("\(folder)/\(name)") } catch {
        refused(name, error)
        return nil
      }
    }
  }

  /// Takes a library that was loaded before for the file at its path.
  func adopt(_ library: PluginLibrary) { loaded[library.path] = library }

  private func load(_ path: String) throws -> PluginLibrary { try load(try PluginFile(path)) }

  private func load(_ file: PluginFile) throws -> PluginLibrary {
    if let library = loaded[file.path] { return library }
    let library = try PluginLibrary(file)
    loaded[file.path] = library
    return library
  }

  private func isNamed(_ path: String, after name: String) -> Bool {
    let stem = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent.lowercased()
    return stem == name || stem == "lib\(name)"
  }

  private static var triplet: String {
    #if arch(arm64)
      "aarch64-linux-gnu"
    #else
      "x86_64-linux-gnu"
    #endif
  }
}
