// scripts/install: what it puts where, and that what is there works for a stranger.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// An installation of the build that is being tested, without man pages, which need a build of their own.
private struct Installation {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    _ = try run([])
  }

  func run(_ options: [String]) throws -> String {
    try Compiler("env").output(
      [
        "DESTDIR=\(folder.path("stage"))", Repository.file("scripts/install").path, "--prefix",
        "/opt/optplug",
        "--skip-build", "--skip-manual", "--configuration", isDebug ? "debug" : "release",
      ] + options)
  }

  /// A path of the installation.
  func path(_ name: String) -> String { folder.path("stage/opt/optplug/\(name)") }

  private var isDebug: Bool { BuildProducts.directory.lastPathComponent == "debug" }
}

@Suite(.enabled(if: Platform.usesELF)) struct InstallTests {
  private let installation: Installation

  init() throws { installation = try Installation() }

  @Test func everythingIsListedAndThere() throws {
    let list = try String(contentsOfFile: installation.path("share/optplug/installed"), encoding: .utf8)
      .split(separator: "\n").map(String.init)
    for name in [
      "include/optplug.h", "lib/optplug/libSGD.so", "lib/optplug/libAdam.so", "lib/optplug/libLookahead.so",
      "bin/convtrain", "bin/optplug", "lib/pkgconfig/optplug.pc", "lib/cmake/OptPlug/OptPlugConfig.cmake",
      "share/bash-completion/completions/optplug", "share/zsh/site-functions/_convtrain",
    ] { #expect(list.contains(name), "\(name)") }
    for name in list { #expect(FileManager.default.fileExists(atPath: installation.path(name)), "\(name)") }
    // Exactly our plugins, and no other shared object of the build.
    let plugins = try FileManager.default.contentsOfDirectory(atPath: Repository.file("Plugins").path)
      .filter { !$0.hasSuffix(".map") }.map { "lib\($0).so" }
    #expect(
      Set(list.filter { $0.hasPrefix("lib/optplug/") }.map { String($0.dropFirst(12)) }) == Set(plugins))
  }

  @Test func pluginsAreFoundBesideTheProgram() throws {
    let listing = try Compiler("env").output([
      "-i", "HOME=/nowhere", installation.path("bin/optplug"), "list",
    ])
    #expect(listing.contains(installation.path("lib/optplug/libLookahead.so")), "\(listing)")
  }

  @Test(.enabled(if: Compiler("pkg-config").isInstalled))
  func pkgConfigLeadsToTheHeader() throws {
    func ask(_ question: String) throws -> String {
      try Compiler("env").output([
        "PKG_CONFIG_PATH=\(installation.path("lib/pkgconfig"))",
        "PKG_CONFIG_SYSROOT_DIR=\(installation.folder.path("stage"))", "pkg-config", question, "optplug",
      ]).trimmingCharacters(in: .whitespacesAndNewlines)
    }
    #expect(try ask("--modversion") == "0.1.0")
    let plugin = installation.folder.path("adabelief.so")
    try Compiler.cc.run([
      "-shared", "-fPIC", "-O2", ask("--cflags"), "-o", plugin,
      Repository.file("Examples/adabelief-c/adabelief.c").path, "-lm",
    ])
    let training = try Training<Float>(plugin, start: 1)
    try training.step([[1]])
    #expect(training.tensors[0].values[0] < 1)
  }

  @Test(.enabled(if: Compiler("cmake").isInstalled))
  func cmakeFindsThePackage() throws {
    let project = installation.folder.path("project")
    try FileManager.default.createDirectory(atPath: project, withIntermediateDirectories: true)
    _ = try installation.folder.write(
      "project/CMakeLists.txt",
      """
      cmake_minimum_required(VERSION 3.18)
      project(stranger C)
      find_package(OptPlug 0.1 REQUIRED CONFIG)
      add_library(adabelief MODULE \(Repository.file("Examples/adabelief-c/adabelief.c").path))
      target_link_libraries(adabelief PRIVATE OptPlug::Header m)
      set_target_properties(adabelief PROPERTIES PREFIX "")
      """.utf8)
    try Compiler("cmake").run([
      "-S", project, "-B", "\(project)/build", "-DCMAKE_PREFIX_PATH=\(installation.path(""))",
    ])
    try Compiler("cmake").run(["--build", "\(project)/build"])
    let training = try Training<Double>("\(project)/build/adabelief.so", start: 1)
    try training.step([[1]])
    #expect(training.tensors[0].values[0] < 1)
  }

  @Test func isRemovedWhole() throws {
    let stranger = installation.path("lib/optplug/stranger.so")
    try Data().write(to: URL(fileURLWithPath: stranger))
    _ = try installation.run(["--uninstall"])
    #expect(!FileManager.default.fileExists(atPath: installation.path("bin/optplug")))
    #expect(!FileManager.default.fileExists(atPath: installation.path("lib/optplug/libSGD.so")))
    #expect(FileManager.default.fileExists(atPath: stranger), "what others put there stays")
    #expect(throws: CPlugin.Failure.self) { try installation.run(["--uninstall"]) }
  }

  @Test(arguments: [["--prefix", "relative"], ["--wrong"], ["--configuration", "fast"]])
  func wrongOptionsAreRefused(_ options: [String]) throws {
    let error = try #require(throws: CPlugin.Failure.self) { try installation.run(options) }
    #expect("\(error)".contains("usage: scripts/install"))
  }
}
