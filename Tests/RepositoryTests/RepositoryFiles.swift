// The repository's own files, as the tests of this folder read them.

import Foundation
import TestSupport

enum RepositoryFiles {
  /// Paths of all files with one of these extensions below a folder, from the repository's root; none when there is
  /// no such folder. Hidden files and what a build leaves behind are not listed.
  static func paths(under folder: String, extensions: Set<String>) -> [String] {
    let all = FileManager.default.enumerator(atPath: Repository.file(folder).path)?.compactMap {
      $0 as? String
    }
    return (all ?? [])
      .filter { path in
        extensions.contains(URL(fileURLWithPath: path).pathExtension)
          && !path.split(separator: "/").contains { $0.hasPrefix(".") || $0 == "build" }
      }
      .sorted().map { "\(folder)/\($0)" }
  }

  /// Everything that people write and read.
  static let sources: [String] = [
    "Sources", "Plugins", "Tests", "Examples", "Benchmarks", "include", "python", "scripts",
  ].flatMap { paths(under: $0, extensions: ["swift", "c", "h", "cpp", "py", "sh"]) }
}
