// The optimizers in Examples: each builds by its own build file and follows its paper.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// A copy of an example, built.
private struct Example {
  let plugin: String
  private let folder: TemporaryFolder

  /// - Parameters:
  ///   - name: the folder in Examples.
  ///   - plugin: what the build leaves there.
  init(_ name: String, plugin: String, build: (String) throws -> Void) throws {
    folder = try TemporaryFolder()
    // Two levels below a link to the repository, as in the repository itself.
    let examples = folder.url.appendingPathComponent("optplug/Examples")
    try FileManager.default.createDirectory(at: examples, withIntermediateDirectories: true)
    for part in ["Package.swift", "Sources", "Plugins", "include", "Benchmarks", "Tests"] {
      try FileManager.default.createSymbolicLink(
        at: folder.url.appendingPathComponent("optplug/\(part)"), withDestinationURL: Repository.file(part))
    }
    let copy = examples.appendingPathComponent(name)
    try FileManager.default.copyItem(at: Repository.file("Examples/\(name)"), to: copy)
    try build(copy.path)
    self.plugin = copy.appendingPathComponent(plugin).path
  }

  static func make(_ name: String, plugin: String) throws -> Example {
    try Example(name, plugin: plugin) { try Compiler("make").run(["-s", "-C", $0]) }
  }
}

/// Steps of an optimizer on one weight, as its paper says, in double.
private protocol Reference: SendableMetatype {
  init()
  mutating func step(_ p: inout Double, _ g: Double, _ t: Int)
}

private struct AdaBelief: Reference {
  var (m, s) = (0.0, 0.0)

  mutating func step(_ p: inout Double, _ g: Double, _ t: Int) {
    p *= 1 - 1e-2 * 0.1
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * (g - m) * (g - m) + 1e-16
    let (mHat, sHat) = (m / (1 - pow(0.9, Double(t))), s / (1 - pow(0.999, Double(t))))
    p -= 1e-2 * mHat / (sHat.squareRoot() + 1e-16)
  }
}

private struct Adan: Reference {
  var (m, v, n, before) = (0.0, 0.0, 0.0, 0.0)

  mutating func step(_ p: inout Double, _ g: Double, _ t: Int) {
    let d = t == 1 ? 0 : g - before
    m = t == 1 ? g : 0.98 * m + 0.02 * g
    v = 0.92 * v + 0.08 * d
    n = t == 1 ? g * g : 0.99 * n + 0.01 * (g + 0.92 * d) * (g + 0.92 * d)
    p = (p - 1e-2 * (m + 0.92 * v) / (n.squareRoot() + 1e-8)) / (1 + 1e-2 * 0.1)
    before = g
  }
}

private struct Signum: Reference {
  var m = 0.0

  mutating func step(_ p: inout Double, _ g: Double, _ t: Int) {
    m = 0.9 * m + 0.1 * g
    p -= 1e-2 * ((m > 0 ? 1 : m < 0 ? -1 : 0) + 0.1 * p)
  }
}

private struct Tiger: Reference {
  var m = 0.0

  mutating func step(_ p: inout Double, _ g: Double, _ t: Int) {
    m = 0.965 * m + 0.035 * g
    p -= 1e-2 * ((m > 0 ? 1 : m < 0 ? -1 : 0) + 0.1 * p)
  }
}

@Suite struct ExampleTests {
  @Test func adaBeliefInC() throws {
    try follow(AdaBelief.self, .make("adabelief-c", plugin: "adabelief.so"))
  }

  @Test func adanInCPlusPlus() throws {
    try follow(Adan.self, .make("adan-cpp", plugin: "adan.so"))
  }

  /// String literals with a NUL came with Rust 1.77.
  @Test(.enabled(if: rustIsRecent, "needs cargo and Rust 1.77 or later"))
  func signumInRust() throws {
    let example = try Example("signum-rust", plugin: "target/release/libsignum.so") {
      try Compiler("cargo").run([
        "build", "--release", "--offline", "--quiet", "--manifest-path", "\($0)/Cargo.toml",
      ])
    }
    try follow(Signum.self, example)
  }

  @Test(.timeLimit(.minutes(60))) func tigerInSwift() throws {
    let example = try Example("tiger-swift", plugin: ".build/release/libTiger.so") {
      try Compiler("swift").run(["build", "-c", "release", "--package-path", $0])
    }
    try follow(Tiger.self, example)
  }

  /// Twelve steps on a hundred weights in pieces of seven, in both types, alone and under Lookahead.
  private func follow<R: Reference>(_: R.Type, _ example: Example) throws {
    let settings = "\(example.plugin)(lr=1e-2, weight_decay=0.1)"
    // A step is the learning rate or so; float32 may round each of twelve.
    try follow(R.self, settings, Double.self, tolerance: 1e-13)
    try follow(R.self, settings, Float.self, tolerance: 1e-5)
    let (alone, wrapped) = (
      try Training<Float>(settings, start: 1),
      try Training<Float>("lookahead(k=3, alpha=1, \(settings))", start: 1)
    )
    for step in 1...7 {
      try alone.step([[sin(Float(step))]])
      try wrapped.step([[sin(Float(step))]])
    }
    #expect(alone.tensors[0].values == wrapped.tensors[0].values && alone.tensors[0].values != [1])
  }

  private func follow<R: Reference, T: BitPatterned & BinaryFloatingPoint & SendableMetatype>(
    _: R.Type, _ expression: String, _: T.Type, tolerance: Double
  ) throws {
    let start: [T] = mixedValues(stream: 3, count: 100)
    let training = try Training<T>(expression, [Tensor("w", start)], threads: 2, pieceElements: 7)
    var expected = start.map(Double.init)
    var references = start.map { _ in R() }
    for step in 1...12 {
      let gradient: [T] = mixedValues(stream: 10 + step, count: start.count)
      try training.step([gradient])
      for i in expected.indices { references[i].step(&expected[i], Double(gradient[i]), step) }
    }
    let errors = zip(training.tensors[0].values, expected).map { abs(Double($0) - $1) / max(1, abs($1)) }
    #expect(errors.allSatisfy { $0 <= tolerance })
  }
}

private let rustIsRecent: Bool = {
  guard Compiler("cargo").isInstalled, let text = try? Compiler("rustc").output(["--version"]) else {
    return false
  }
  let numbers =
    text.split(separator: " ").dropFirst().first?.split(separator: ".").compactMap { Int($0) } ?? []
  return numbers.count >= 2 && (numbers[0], numbers[1]) >= (1, 77)
}()
