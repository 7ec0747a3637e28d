// Files that other users could have written are refused, unless that is allowed.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct FileTrustTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.path("outer/inner"), withIntermediateDirectories: true)
    path = try folder.copy(BuildProducts.plugin("SGD"), as: "outer/inner/sgd.so")
    #expect(chmod(path, 0o644) == 0)
    for place in ["outer", "outer/inner"] { #expect(chmod(folder.path(place), 0o755) == 0) }
  }

  private func find(_ path: String? = nil, allowsInsecure: Bool = false) throws -> OptimizerType {
    let scanning = Scanning(allowsInsecure: allowsInsecure)
    return try PluginRegistry(searchPath: [], scanning: scanning)
      .find(OptimizerExpression(parsing: path ?? self.path))
  }

  /// Expects a refusal that names the place and the remedy, and that allowing such files lifts it.
  private func expectInsecure(
    _ texts: String..., path: String? = nil, at location: SourceLocation = #_sourceLocation
  )
    throws
  {
    let error = #expect(throws: OptimizerError.self, sourceLocation: location) { try find(path) }
    let text = "\(try #require(error, sourceLocation: location))"
    for part in texts + ["is not safe to load", "--allow-insecure"] {
      #expect(text.contains(part), "\(text)", sourceLocation: location)
    }
    #expect(try find(path, allowsInsecure: true).name == "sgd", sourceLocation: location)
  }

  @Test func ownFilesPass() throws { #expect(try find().name == "sgd") }

  @Test func aFileThatEverybodyMayWrite() throws {
    #expect(chmod(path, 0o646) == 0)
    try expectInsecure("it may be written by every user", "chmod o-w \(path)")
  }

  @Test(arguments: ["outer/inner", "outer"]) func aFolderThatEverybodyMayWrite(_ place: String) throws {
    #expect(chmod(folder.path(place), 0o757) == 0)
    try expectInsecure("its folder \(folder.path(place)) may be written by every user", "chmod o-w")
    // In a sticky folder, as /tmp, nobody may replace another's file.
    #expect(chmod(folder.path(place), 0o1777) == 0)
    #expect(try find().name == "sgd")
  }

  @Test func aLinkCountsWhereItLiesToo() throws {
    let open = folder.path("open")
    try FileManager.default.createDirectory(atPath: open, withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(atPath: "\(open)/link.so", withDestinationPath: path)
    #expect(try find("\(open)/link.so").name == "sgd")
    #expect(chmod(open, 0o777) == 0)
    try expectInsecure("its folder \(open)", path: "\(open)/link.so")
  }

  @Test func namesAreRefusedAsPathsAre() throws {
    #expect(chmod(path, 0o666) == 0)
    let registry = PluginRegistry(searchPath: [folder.path("outer/inner")], scanning: Scanning())
    let error = #expect(throws: OptimizerError.self) {
      try registry.find(OptimizerExpression(parsing: "sgd"))
    }
    #expect("\(try #require(error))".contains("is not safe to load"))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give files away")) func filesOfOthers() throws {
    #expect(chown(path, 12345, 0) == 0)
    try expectInsecure("it belongs to user 12345, who could change it")
    #expect(chown(path, 0, 0) == 0)
    #expect(chown(folder.path("outer"), 12345, 0) == 0)
    try expectInsecure("its folder \(folder.path("outer")) belongs to user 12345")
    // Sticky or not: a folder's owner may do as they like in it.
    #expect(chmod(folder.path("outer"), 0o1777) == 0)
    try expectInsecure("its folder \(folder.path("outer")) belongs to user 12345")
  }

  /// A group counts as others unless it is the user's own, by name and without another member.
  @Test(.enabled(if: geteuid() == 0, "only root can choose any group")) func groups() throws {
    #expect(chmod(path, 0o664) == 0)
    #expect(chown(path, 0, 12345) == 0)
    try expectInsecure("it may be written by its group", "chmod g-w \(path)")
    #expect(chown(path, 0, 0) == 0)
    #expect(try find().name == "sgd")
  }
}
