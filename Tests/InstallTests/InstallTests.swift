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
      "include/optplug.h", "include/optplug_host.h", "lib/liboptplug.so", "lib/liboptplug.so.1",
      "lib/pkgconfig/optplug-host.pc", "lib/optplug/libSGD.so", "lib/optplug/libAdam.so",
      "lib/optplug/libLookahead.so",
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
      "-i", "HOME=\(installation.path("home"))", installation.path("bin/optplug"), "list",
    ])
    #expect(listing.contains(installation.path("lib/optplug/libLookahead.so")), "\(listing)")
  }

  /// What pkg-config says of a package of the installation.
  private func ask(_ package: String, _ question: String) throws -> [String] {
    try Compiler("env").output([
      "PKG_CONFIG_PATH=\(installation.path("lib/pkgconfig"))",
      "PKG_CONFIG_SYSROOT_DIR=\(installation.folder.path("stage"))", "pkg-config", question, package,
    ]).split { $0.isWhitespace }.map(String.init)
  }

  @Test(.enabled(if: Compiler("pkg-config").isInstalled))
  func pkgConfigLeadsToTheHeader() throws {
    #expect(try ask("optplug", "--modversion") == ["0.1.0"])
    let plugin = installation.folder.path("adabelief.so")
    try Compiler.cc.run([
      "-shared", "-fPIC", "-O2", ask("optplug", "--cflags")[0], "-o", plugin,
      Repository.file("Examples/adabelief-c/adabelief.c").path, "-lm",
    ])
    let training = try Training<Float>(plugin, start: 1)
    try training.step([[1]])
    #expect(training.tensors[0].values[0] < 1)
  }

  /// As the example says, and from a folder where nothing of OptPlug is.
  @Test(.enabled(if: Compiler("pkg-config").isInstalled))
  func pkgConfigLeadsToTheHostLibrary() throws {
    let program = installation.folder.path("train")
    let libraries = try ask("optplug-host", "--libs")
    #expect(libraries.contains { $0.hasPrefix("-Wl,-rpath,") && $0.hasSuffix("/opt/optplug/lib") })
    try Compiler.cc.run(
      [Repository.file("Examples/training-loop-c/train.c").path] + ask("optplug-host", "--cflags") + libraries
        + ["-lm", "-o", program])
    let output = try Compiler("env").output([
      "-i", "HOME=\(installation.path("home"))", "LD_LIBRARY_PATH=\(installation.path("lib"))", program,
      "lookahead(k=5, adam(lr=0.05))",
    ])
    #expect(output.contains("step 500"))
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
      add_executable(train \(Repository.file("Examples/training-loop-c/train.c").path))
      target_link_libraries(train PRIVATE OptPlug::Host m)
      set_target_properties(adabelief PROPERTIES PREFIX "")
      """.utf8)
    try Compiler("cmake").run([
      "-S", project, "-B", "\(project)/build", "-DCMAKE_PREFIX_PATH=\(installation.path(""))",
    ])
    try Compiler("cmake").run(["--build", "\(project)/build"])
    let training = try Training<Double>("\(project)/build/adabelief.so", start: 1)
    try training.step([[1]])
    #expect(training.tensors[0].values[0] < 1)
    #expect(try Compiler("\(project)/build/train").output([]).contains("step 500"))
  }

  @Test func isRemovedWhole() throws {
    let stranger = installation.path("lib/optplug/stranger.so")
    try Data().write(to: URL(fileURLWithPath: stranger))
    _ = try installation.run(["--uninstall"])
    #expect(!FileManager.default.fileExists(atPath: installation.path("bin/optplug")))
    for name in ["lib/optplug/libSGD.so", "lib/liboptplug.so.1", "include/optplug_host.h"] {
      #expect(!FileManager.default.fileExists(atPath: installation.path(name)), "\(name)")
    }
    let link = try? FileManager.default.destinationOfSymbolicLink(
      atPath: installation.path("lib/liboptplug.so"))
    #expect(link == nil)
    #expect(FileManager.default.fileExists(atPath: stranger), "what others put there stays")
    #expect(throws: CPlugin.Failure.self) { try installation.run(["--uninstall"]) }
  }

  @Test(arguments: [["--prefix", "relative"], ["--wrong"], ["--configuration", "fast"]])
  func wrongOptionsAreRefused(_ options: [String]) throws {
    let error = try #require(throws: CPlugin.Failure.self) { try installation.run(options) }
    #expect("\(error)".contains("usage: scripts/install"))
  }
}
