// Where plugins are found, and which of several is taken.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct SearchPathTests {
  private func path(_ environment: [String: String]) -> [String] {
    PluginRegistry.standard(environment: environment).searchPath
  }

  @Test func ownFoldersComeFirstAndSystemFoldersLast() throws {
    let path = path(["OPTPLUG_PATH": "/first:/second", "HOME": "/home/ada"])
    #expect(path.prefix(2) == ["/first", "/second"])
    #expect(path.suffix(3).prefix(2) == ["/home/ada/.local/lib/optplug", "/usr/local/lib/optplug"])
    #expect(try #require(path.last).wholeMatch(of: /\/usr\/lib\/[a-z0-9_]+-linux-gnu\/optplug/) != nil)
    let beside = path.dropFirst(2).dropLast(3)
    #expect(beside.count == 2)
    #expect(beside.last?.hasSuffix("/lib/optplug") == true)
  }

  @Test func emptyEntriesAreNotTheCurrentDirectory() {
    let path = path(["OPTPLUG_PATH": "::/first::", "HOME": "/home/ada"])
    #expect(path.first == "/first")
    #expect(path.count == self.path(["HOME": "/home/ada"]).count + 1)
    for folder in path {
      #expect(folder.hasPrefix("/"))
      #expect(folder != FileManager.default.currentDirectoryPath)
    }
  }

  @Test func nothingOfTheUserWithoutVariables() { #expect(path([:]).count == 4) }
}

@Suite struct RegistryTests {
  private func find(_ text: String, in folders: [TemporaryFolder]) throws -> OptimizerType {
    try PluginRegistry(searchPath: folders.map(\.url.path), scanning: BuildProducts.scanning).find(
      OptimizerExpression(parsing: text))
  }

  /// Looking for a shipped optimizer runs no code of unrelated plugins in folders that come earlier.
  @Test func aFileNamedAfterTheOptimizerComesFirstInAllFolders() throws {
    let folder = try TemporaryFolder()
    let unrelated = try CPlugin.compile(
      source: Repository.file("Tests/BadPlugins/entry-fails.c"), flags: ["-DUNRELATED"])
    _ = try folder.copy(unrelated, as: "aaa.so")
    let registry = PluginRegistry(
      searchPath: [folder.url.path, BuildProducts.directory.path], scanning: BuildProducts.scanning)
    #expect(try registry.find(OptimizerExpression(parsing: "adam")).name == "adam")
    #expect(CPlugin.events(of: unrelated).isEmpty)
    #expect(throws: OptimizerError.self) { try registry.find(OptimizerExpression(parsing: "nobody")) }
    #expect(!CPlugin.events(of: unrelated).isEmpty, "the plugin must be one that leaves a trace")
  }

  @Test func firstFolderWins() throws {
    let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
    _ = try second.copy(BuildProducts.plugin("SGD"), as: "libSGD.so")
    #expect(try find("sgd", in: [first, second]).path == second.path("libSGD.so"))
    _ = try first.copy(BuildProducts.plugin("SGD"), as: "sgd.so")
    #expect(try find("sgd", in: [first, second]).path == first.path("sgd.so"))
  }

  @Test func fileNamedAfterTheOptimizerComesFirst() throws {
    let folder = try TemporaryFolder()
    _ = try folder.copy(BuildProducts.plugin("Adam"), as: "a.so")
    #expect(try find("adamw", in: [folder]).path == folder.path("a.so"))
    _ = try folder.copy(BuildProducts.plugin("Adam"), as: "libAdamW.so")
    #expect(try find("adamw", in: [folder]).path == folder.path("libAdamW.so"))
    #expect(try find("adam", in: [folder]).path == folder.path("a.so"))
  }

  @Test func otherFilesDoNotDisturb() throws {
    let folder = try TemporaryFolder()
    _ = try folder.write("a.so", "text".utf8)
    _ = try folder.write("b.so", [])
    try FileManager.default.createDirectory(atPath: folder.path("c.so"), withIntermediateDirectories: false)
    _ = try folder.copy(try BadPlugins.file("name-null"), as: "d.so")
    _ = try folder.copy(BuildProducts.plugin("SGD"), as: "z.so")
    _ = try folder.copy(BuildProducts.plugin("Adam"), as: "z.backup")
    #expect(try find("sgd", in: [folder]).path == folder.path("z.so"))
    #expect(throws: OptimizerError.self) { try find("adam", in: [folder]) }
  }

  @Test func unknownNameTellsWhereAndWhatElse() throws {
    let folder = try TemporaryFolder()
    _ = try folder.copy(BuildProducts.plugin("Adam"), as: "libAdam.so")
    _ = try folder.write("libadan.so", "text".utf8)
    let error = try #require(throws: OptimizerError.self) { try find("adan", in: [folder]) }
    let text = "\(error)"
    #expect(text.hasPrefix("optimizer 'adan': no plugin describes it. Did you mean 'adam'? Searched:"))
    #expect(text.contains("\n  \(folder.url.path)"))
    #expect(text.contains("\(folder.path("libadan.so")): is not a shared object"))
    #expect(text.contains("\nFound: adam, adamw"))
  }

  @Test func nameIsNeverAFileInTheCurrentDirectory() throws {
    #expect(throws: OptimizerError.self) { try find("sgd", in: []) }
  }

  @Test func missingFoldersAreSkipped() throws {
    let folder = try TemporaryFolder()
    _ = try folder.copy(BuildProducts.plugin("SGD"), as: "libSGD.so")
    let registry = PluginRegistry(
      searchPath: ["/nonexistent", folder.url.path], scanning: BuildProducts.scanning)
    #expect(try registry.find(OptimizerExpression(parsing: "sgd")).name == "sgd")
  }

  @Test func pathNeedsNoFolder() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(BuildProducts.plugin("SGD"), as: "my optimizer (2).so")
    #expect(try find("\"\(path)\"", in: []).path == path)
    let up = FileManager.default.currentDirectoryPath.split(separator: "/").map { _ in "../" }.joined()
    #expect(try find("\"\(up)\(path.dropFirst())\"", in: []).path == path)
    try FileManager.default.createSymbolicLink(atPath: folder.path("link.so"), withDestinationPath: path)
    #expect(try find(folder.path("link.so"), in: []).path == path)
  }

  @Test func memberOfALibrary() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(BuildProducts.plugin("Adam"), as: "two.so")
    #expect(try find("\(path):adamw", in: []).name == "adamw")
    #expect(try find("\"\(path)\":adam", in: []).name == "adam")
    let error = try #require(
      throws: OptimizerError.plugin(path, .noSuchOptimizer("adamv", available: ["adam", "adamw"]))
    ) { try find("\(path):adamv", in: []) }
    #expect("\(error)".hasSuffix("it has adam, adamw. Did you mean 'adam'?"))
  }

  @Test func severalOptimizersNeedAName() throws {
    let folder = try TemporaryFolder()
    let path = try folder.copy(BuildProducts.plugin("Adam"), as: "two.so")
    let error = try #require(throws: OptimizerError.plugin(path, .severalOptimizers(["adam", "adamw"]))) {
      try find(path, in: [])
    }
    #expect("\(error)".contains("add ':' and the name of one of adam, adamw to the path"))
    // Unless the file is named after one of them.
    for (file, name) in [("libAdam.so", "adam"), ("adamw.so", "adamw"), ("LIBADAMW.so", "adamw")] {
      let path = try folder.copy(BuildProducts.plugin("Adam"), as: file)
      #expect(try find(path, in: []).name == name)
    }
  }

  @Test func librariesAreLoadedOnce() throws {
    let registry = BuildProducts.registry()
    let path = BuildProducts.plugin("Adam").path
    let types = try ["adam", "\(path):adam", path].map { try registry.find(OptimizerExpression(parsing: $0)) }
    #expect(Set(types.map(\.descriptor)).count == 1)
  }
}
