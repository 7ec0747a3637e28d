// Remembers what came of files, by their content.

import COptPlug
import BasicFoundation

/// A folder with one small file for each known content. Whatever is damaged counts as unknown.
struct ScanCache {
  private let folder: String

  /// Another host may judge otherwise, and so may this one when it has changed.
  private static let host = "OptPlug \(hostVersion), ABI 1.\(OPTPLUG_ABI_MINOR)"

  /// More than anybody's plugins; a folder that grows beyond loses its oldest half.
  private static let limit = 2000

  private struct Entry: Codable {
    let host: String
    /// For people who look: where the file was.
    let path: String
    let verdict: Verdict
  }

  init(folder: String) { self.folder = folder }

  /// The verdict on a content, or nil.
  func verdict(on hash: String) -> Verdict? {
    guard isMine, let data = FileManager.default.contents(atPath: file(hash)),
      let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.host == Self.host
    else { return nil }
    return entry.verdict
  }

  /// Remembers a verdict, whole or not at all. Where that is impossible the file will be tried again.
  func remember(_ verdict: Verdict, on hash: String, path: String) {
    let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
    try? FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: attributes)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard isMine, let data = try? encoder.encode(Entry(host: Self.host, path: path, verdict: verdict)) else {
      return
    }
    try? data.write(to: URL(fileURLWithPath: file(hash)), options: .atomic)
    prune()
  }

  private func file(_ hash: String) -> String { "\(folder)/\(hash).json" }

  /// What others may write cannot be relied on.
  private var isMine: Bool {
    var info = stat()
    return stat(folder, &info) == 0 && info.st_uid == geteuid() && info.st_mode & (S_IWGRP | S_IWOTH) == 0
  }

  private func prune() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard names.count > Self.limit else { return }
    let aged = names.map { name in
      var info = stat()
      _ = stat("\(folder)/\(name)", &info)
      return (path: "\(folder)/\(name)", time: modificationTime(info))
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
