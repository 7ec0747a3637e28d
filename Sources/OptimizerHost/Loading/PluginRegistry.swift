// Finds optimizers by name in the search path, or by path.

import BasicFoundation

/// Where plugins are looked for, and those loaded so far. Use it from one thread at a time.
public final class PluginRegistry {
  /// Folders in the order in which they are searched.
  public let searchPath: [String]
  let scanner: PluginScanner
  private(set) var loaded: [String: PluginLibrary] = [:]

  /// A registry over the standard places: those in `OPTPLUG_PATH` (separated by ':'), the executable's own folder
  /// and its `../lib/optplug`, `~/.local/lib/optplug`, `/usr/local/lib/optplug`, `/usr/lib/<triplet>/optplug`. Never
  /// the current directory.
  /// - Parameter scanning: what happens before a plugin is loaded; nil: `Scanning.standard` for the environment.
  public static func standard(
    environment: [String: String] = ProcessInfo.processInfo.environment, scanning: Scanning? = nil
  ) -> PluginRegistry {
    let beside =
      executableFolder.map { [$0.path, $0.appendingPathComponent("../lib/optplug").standardized.path] } ?? []
    return PluginRegistry(
      searchPath: standardPath(environment, beside: beside),
      scanning: scanning ?? .standard(environment: environment))
  }

  /// The standard places, with those of the host between what the user names and what the system has.
  static func standardPath(_ environment: [String: String], beside: [String]) -> [String] {
    // split drops empty entries, which would mean the current directory: that could be anybody's.
    let own = environment["OPTPLUG_PATH"]?.split(separator: ":").map(String.init) ?? []
    let home = environment["HOME"].map { ["\($0)/.local/lib/optplug"] } ?? []
    return own + beside + home + ["/usr/local/lib/optplug", "/usr/lib/\(triplet)/optplug"]
  }

  /// A registry over these folders.
  public init(searchPath: [String], scanning: Scanning = .standard()) {
    self.searchPath = searchPath
    scanner = PluginScanner(scanning)
  }

  /// The optimizer that a target of an expression names.
  /// - Throws: `OptimizerError.unknownOptimizer` or `OptimizerError.plugin`.
  func find(_ expression: OptimizerExpression) throws -> OptimizerType {
    guard expression.isPath else { return try find(name: expression.target) }
    let library = try load(expression.target)
    guard let member = expression.member else {
      guard library.optimizers.count == 1 else {
        // A library named after one of its optimizers (libAdam.so) means that one.
        if let eponym = library.optimizers.first(where: { isNamed(library.file.path, after: $0.name) }) {
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
  /// name; only the one that holds it is loaded. The others' code does not run here: what they hold is known, or found
  /// out in another process.
  private func find(name: String) throws -> OptimizerType {
    var known: [String] = []
    var failures: [String] = []
    let paths = searchPath.flatMap(Self.libraries)
    for path in paths.filter({ isNamed($0, after: name) }) + paths.filter({ !isNamed($0, after: name) }) {
      let isNamed = isNamed(path, after: name)
      do {
        let library = try library(at: path, isNamed: isNamed, holding: name) { known += $0 }
        if let optimizer = library?.optimizers.first(where: { $0.name == name }) { return optimizer }
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

  /// Shared libraries of a folder by their names' endings, in order.
  static func libraries(in folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().filter { $0.hasSuffix(".so") || $0.hasSuffix(".dylib") }.map { "\(folder)/\($0)" }
  }

  /// Takes a library that was loaded before for the file at its path.
  func adopt(_ library: PluginLibrary) { loaded[library.file.path] = library }

  /// A file's library if it holds an optimizer of this name; the names of all that it holds go to `known`. Nil too for a
  /// file that does not look like a plugin and was not named.
  private func library(at path: String, isNamed: Bool, holding name: String, known: ([String]) -> Void) throws
    -> PluginLibrary?
  {
    if let library = loaded[PluginFile.resolve(path)] {
      known(library.optimizers.map(\.name))
      return library
    }
    let file: PluginFile
    do { file = try scanner.open(path) } catch {
      if isNamed { throw error }
      return nil
    }
    guard let names = try scanner.optimizers(in: file, isNamed: isNamed)?.map(\.name) else {
      let library = try load(file)
      known(library.optimizers.map(\.name))
      return library
    }
    known(names)
    return names.contains(name) ? try load(file) : nil
  }

  /// Loads a file that the user named, or that is known.
  func load(_ path: String) throws -> PluginLibrary {
    if let library = loaded[PluginFile.resolve(path)] { return library }
    let file = try scanner.open(path)
    _ = try scanner.optimizers(in: file, isNamed: true)
    return try load(file)
  }

  private func load(_ file: PluginFile) throws -> PluginLibrary {
    let library = try PluginLibrary(file)
    loaded[file.path] = library
    return library
  }

  func isNamed(_ path: String, after name: String) -> Bool {
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
