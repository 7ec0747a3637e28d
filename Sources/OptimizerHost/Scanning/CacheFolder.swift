// A folder of the user's own in which things are kept that can be made again.

import BasicFoundation

/// The folder of a cache, made when it is needed.
struct CacheFolder {
  let path: String
  /// A folder that grows beyond so many files loses its oldest half.
  let limit: Int

  /// Makes the folder, for the user alone, unless it is there or cannot be made.
  func make() {
    let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
    try? FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: attributes)
  }

  /// Whether it is there and nobody else may write to it: what others may write cannot be relied on.
  var isMine: Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR && info.st_uid == geteuid()
      && info.st_mode & (S_IWGRP | S_IWOTH) == 0
  }

  /// The names of all that it holds.
  var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }

  /// Removes the oldest files, if there are too many.
  func prune() {
    let names = names
    guard names.count > limit else { return }
    let aged = names.map { name in
      var info = stat()
      _ = stat("\(path)/\(name)", &info)
      return (path: "\(path)/\(name)", time: modificationTime(info))
    }
    for entry in aged.sorted(by: { $0.time < $1.time }).prefix(names.count / 2) { unlink(entry.path) }
  }

  private func modificationTime(_ info: stat) -> Int {
    #if os(Linux)
      info.st_mtim.tv_sec
    #else
      info.st_mtimespec.tv_sec
    #endif
  }
}
