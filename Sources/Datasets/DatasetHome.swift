// Where fetched data sets lie, and what a name on the command line means.

import Foundation

/// The folder of fetched data sets, one folder for each name.
public struct DatasetHome: Sendable {
  public let path: String

  public init(path: String) {
    self.path = path
  }

  /// `$OPTPLUG_DATA`; else `optplug/datasets` in `$XDG_CACHE_HOME` or `~/.cache`.
  public static func standard(_ environment: [String: String] = ProcessInfo.processInfo.environment)
    -> DatasetHome
  {
    if let chosen = environment["OPTPLUG_DATA"], !chosen.isEmpty { return DatasetHome(path: chosen) }
    let cache = environment["XDG_CACHE_HOME"] ?? ""
    let base = cache.hasPrefix("/") ? cache : NSHomeDirectory() + "/.cache"
    return DatasetHome(path: base + "/optplug/datasets")
  }

  /// The folder of the set `name`.
  public func directory(of name: String) -> String { path + "/" + name }
}

extension Dataset {
  /// Whether a user's word names a place rather than a data set: it holds a `/`, or there is such a file or folder, and it
  /// is none of the built-in names.
  public static func isPath(_ word: String) -> Bool {
    guard !["builtin", "builtin-color"].contains(word) else { return false }
    return word.contains("/") || FileManager.default.fileExists(atPath: word)
  }

  /// The data set that a user's word names: `builtin` or `builtin-color`; a path that exists, or that holds a `/`; else a
  /// known name whose files were fetched.
  /// - Throws: ``DatasetError``; for a known name that was not fetched, how to fetch it.
  public static func named(
    _ word: String, home: DatasetHome = .standard(), images: ImageForm = ImageForm(), seed: UInt64 = 42
  ) throws(DatasetError) -> Dataset {
    switch word {
    case "builtin": return BuiltinDigits.make().inForm(images)
    case "builtin-color": return BuiltinColor.make().inForm(images)
    default: break
    }
    guard !isPath(word), let known = KnownDataset(name: word) else {
      return try load(directory: URL(fileURLWithPath: word), images: images, seed: seed)
    }
    let path = home.directory(of: known.name)
    do throws(DatasetError) {
      return try load(directory: URL(fileURLWithPath: path), images: images, seed: seed)
    } catch {
      switch error {
      case .notFound, .missingFile, .noDataset: throw .notFetched(name: known.name, path: path)
      default: throw error
      }
    }
  }
}
