// The README's plugins, in C and in Swift, do what it says: taken from its text, built as it says, and trained with.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct ReadmeTests {
  /// The code blocks of a language, in order.
  private func blocks(_ language: String) throws -> [String] {
    let text = try String(contentsOf: Repository.file("README.md"), encoding: .utf8)
    return text.components(separatedBy: "```\(language)\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
  }

  @Test func thePluginInCWorksAloneAndUnderLookahead() throws {
    let folder = try TemporaryFolder()
    let source = try folder.write("signsgd.c", try #require(blocks("c").first).utf8)
    let plugin = try CPlugin.compile(
      source: URL(fileURLWithPath: source), flags: ["-O3", "-Wall", "-Wextra", "-Werror"]
    ).path
    let alone = try Training<Float>("\(plugin)(lr=0.25)", [Tensor("w", [1, 1, 1])])
    try alone.step([[3, -0.1, 0]])
    #expect(alone.tensors[0].values == [0.75, 1.25, 1])
    let wrapped = try Training<Float>(
      "lookahead(k=1, alpha=0.5, \(plugin)(lr=0.25))", [Tensor("w", [1, 1, 1])])
    try wrapped.step([[3, -0.1, 0]])
    #expect(wrapped.tensors[0].values == [0.875, 1.125, 1])
  }

  /// The package in Swift, built beside a folder named optplug as the README says.
  @Test(.timeLimit(.minutes(60))) func thePackageInSwiftWorks() throws {
    let folder = try TemporaryFolder()
    let sources = try blocks("swift")
    let package = folder.url.appendingPathComponent("lion")
    let code = package.appendingPathComponent("Sources/Lion")
    try FileManager.default.createDirectory(at: code, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      at: folder.url.appendingPathComponent("optplug"), withDestinationURL: Repository.root)
    // A machine without AVX2 cannot run what the README asks for.
    let manifest = try #require(sources.first { $0.contains("PackageDescription") })
    let hasAVX2 = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains(" avx2") ?? false
    try Data((hasAVX2 ? manifest : manifest.replacing(#", "-Xcc", "-march=x86-64-v3""#, with: "")).utf8)
      .write(to: package.appendingPathComponent("Package.swift"))
    try Data(try #require(sources.first { $0.contains("OneSlotFormula") }).utf8)
      .write(to: code.appendingPathComponent("Lion.swift"))
    try Compiler("swift").run(["build", "-c", "release", "--package-path", package.path])
    let plugin = package.appendingPathComponent(".build/release/libLion.so").path
    let training = try Training<Double>(
      "lookahead(k=1, alpha=0.5, \(plugin)(lr=0.25))", [Tensor("w", [1, 1])])
    try training.step([[3, -1]])
    #expect(training.tensors[0].values == [0.875, 1.125])
    #expect(training.state("w/base.exp_avg").map { ($0 * 1e6).rounded() } == [30_000, -10_000])
  }
}
