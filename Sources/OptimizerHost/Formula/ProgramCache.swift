// Compiled programs on disk, by what they were compiled from.

import BasicFoundation

/// A folder of files that are made once for a key: the text of a program, with whatever else decides what a compiler
/// makes of it.
///
/// A file's name holds the SHA-256 of its key and that of its content, so that one that is damaged is made anew and is
/// never loaded. Files come whole or not at all; any number of processes may use one folder.
///
/// Loading a program runs its code as the user. So a folder that anybody else could write to is not used; nor is one
/// that cannot be made or written. A private folder that lasts as long as the cache takes its place.
public struct ProgramCache: Sendable {
  /// Made when it is needed, for the user alone; nil: nothing is kept.
  public let folder: String?
  private let substitute = Substitute()

  /// More files than anybody's programs.
  private static let limit = 1000

  public init(folder: String?) { self.folder = folder }

  /// The folder `optplug/programs` below `XDG_CACHE_HOME`, else below `~/.cache`.
  public static func standard(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> ProgramCache {
    ProgramCache(folder: Scanning.standard(environment, helpers: []).cache.map { "\($0)/programs" })
  }

  /// The path of the file for a key, which is there as long as the cache.
  /// - Parameters:
  ///   - suffix: of the file's name, ".so".
  ///   - make: writes the file to a path.
  /// - Throws: what `make` throws; `OptimizerError.program` when there is no place for the file.
  public func file(_ key: String, suffix: String, make: (_ path: String) throws -> Void) throws -> String {
    var key = key
    let name = key.withUTF8 { SHA256.hex(of: UnsafeRawBufferPointer($0)) }
    let kept = usableFolder()
    if let kept, let known = Self.known(name, suffix, in: kept) { return known }
    let isWritable = kept.map { access($0.path, W_OK) == 0 } ?? false
    let place = if isWritable, let kept { kept } else { try substitute.folder() }
    if !isWritable, let known = Self.known(name, suffix, in: place) { return known }
    let unfinished = "\(place.path)/.\(name)-\(getpid())-\(UInt64.random(in: 0 ... .max))\(suffix)"
    defer { unlink(unfinished) }
    try make(unfinished)
    guard let hash = Self.hash(unfinished) else {
      throw OptimizerError.program("what was made for \(name)\(suffix) cannot be read")
    }
    let path = "\(place.path)/\(name)-\(hash)\(suffix)"
    guard rename(unfinished, path) == 0 else {
      throw OptimizerError.program("\(path) cannot be written (\(String(cString: strerror(errno))))")
    }
    place.prune()
    return path
  }

  /// A whole file for a key, by its name without what it holds. What is damaged goes.
  private static func known(_ name: String, _ suffix: String, in folder: CacheFolder) -> String? {
    for file in folder.names.sorted() where file.hasPrefix("\(name)-") && file.hasSuffix(suffix) {
      let path = "\(folder.path)/\(file)"
      if let hash = hash(path), file == "\(name)-\(hash)\(suffix)" { return path }
      unlink(path)
    }
    return nil
  }

  /// The SHA-256 of a file's content.
  private static func hash(_ path: String) -> String? {
    FileManager.default.contents(atPath: path)?.withUnsafeBytes { SHA256.hex(of: $0) }
  }

  /// The folder without links, if it can be made and nobody else may put a file into it or replace it.
  private func usableFolder() -> CacheFolder? {
    guard let folder else { return nil }
    CacheFolder(path: folder, limit: Self.limit).make()
    let place = CacheFolder(
      path: URL(fileURLWithPath: folder).resolvingSymlinksInPath().path, limit: Self.limit)
    guard place.isMine, (try? FileTrust.check(place.path, isFolder: true)) != nil else { return nil }
    return place
  }

  /// A folder for what cannot be kept.
  private final class Substitute: @unchecked Sendable {
    private let lock = Lock()
    // Guarded by `lock`.
    private var made: CacheFolder?

    func folder() throws -> CacheFolder {
      try lock.withLock {
        if let made { return made }
        let base = FileManager.default.temporaryDirectory.path
        var template = Array("\(base)/optplug-XXXXXX".utf8CString)
        guard let path = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } })
        else {
          throw OptimizerError.program(
            "no folder for programs can be made in \(base) (\(String(cString: strerror(errno)))); "
              + "set TMPDIR or XDG_CACHE_HOME to a folder of your own")
        }
        let folder = CacheFolder(path: String(cString: path), limit: ProgramCache.limit)
        made = folder
        return folder
      }
    }

    deinit {
      if let made { try? FileManager.default.removeItem(atPath: made.path) }
    }
  }
}
