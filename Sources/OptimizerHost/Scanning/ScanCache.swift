// Remembers what came of files, by their content.

import COptPlug
import BasicFoundation

/// A folder with one small file for each known content. Whatever is damaged counts as unknown.
struct ScanCache {
  private let folder: CacheFolder

  /// Another host may judge otherwise, and so may this one when it has changed.
  private static let host = "OptPlug \(hostVersion), ABI 1.\(OPTPLUG_ABI_MINOR)"

  private struct Entry: Codable {
    let host: String
    /// For people who look: where the file was.
    let path: String
    let verdict: Verdict
  }

  init(folder: String) {
    // More than anybody's plugins.
    self.folder = CacheFolder(path: folder, limit: 2000)
  }

  /// The verdict on a content, or nil.
  func verdict(on hash: String) -> Verdict? {
    guard folder.isMine, let data = FileManager.default.contents(atPath: file(hash)),
      let entry = try? JSONDecoder().decode(Entry.self, from: data), entry.host == Self.host
    else { return nil }
    return entry.verdict
  }

  /// Remembers a verdict, whole or not at all. Where that is impossible the file will be tried again.
  func remember(_ verdict: Verdict, on hash: String, path: String) {
    folder.make()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard folder.isMine, let data = try? encoder.encode(Entry(host: Self.host, path: path, verdict: verdict))
    else {
      return
    }
    try? data.write(to: URL(fileURLWithPath: file(hash)), options: .atomic)
    folder.prune()
  }

  private func file(_ hash: String) -> String { "\(folder.path)/\(hash).json" }
}
