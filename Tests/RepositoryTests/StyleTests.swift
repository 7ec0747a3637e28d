// What every source file has in common.

import Foundation
import TestSupport
import Testing

@Suite struct StyleTests {
  @Test func filesAreShort() throws {
    #expect(RepositoryFiles.sources.count > 50)
    for path in RepositoryFiles.sources where path != "include/optplug.h" {
      let lines =
        try String(contentsOf: Repository.file(path), encoding: .utf8).split(
          separator: "\n", omittingEmptySubsequences: false
        ).count - 1
      #expect(lines <= 400, "\(path) has \(lines) lines; split it by idea")
    }
  }

  @Test func filesSayWhatTheyAreFor() throws {
    for path in RepositoryFiles.sources where !path.hasSuffix(".py") && !path.hasSuffix(".sh") {
      let text = try String(contentsOf: Repository.file(path), encoding: .utf8)
      #expect(text.hasPrefix("// ") || text.hasPrefix("/* "), "\(path) does not begin with a comment")
    }
  }

  @Test(arguments: ["Utils", "Helpers", "Manager"]) func namesMeanSomething(_ word: String) {
    #expect(RepositoryFiles.sources.filter { $0.contains(word) } == [])
  }
}
