// The plugins of docs/writing-a-plugin.md: taken from its text, compiled, and trained with.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct PluginGuideTests {
  /// The files that the guide shows, by the names in their first lines.
  private static let files: [String: String] = {
    let text = (try? String(contentsOf: Repository.file("docs/writing-a-plugin.md"), encoding: .utf8)) ?? ""
    let blocks = text.components(separatedBy: "```c\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
    return Dictionary(
      uniqueKeysWithValues: blocks.compactMap { block in
        block.firstMatch(of: /^\/\* ([a-z]+\.[ch]):/).map { (String($0.1), block + "\n") }
      })
  }()

  /// The plugin of a file, compiled as the guide says.
  private static func plugin(_ name: String) throws -> String {
    let folder = try TemporaryFolder()
    for (name, text) in files { _ = try folder.write(name, text.utf8) }
    let flags = [
      "-std=c11", "-O3", "-fno-math-errno", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
    ]
    return try CPlugin.compile(source: folder.url.appendingPathComponent("\(name).c"), flags: flags).path
  }

  @Test(arguments: files.keys.filter { $0.hasSuffix(".c") }.sorted()) func isValid(_ file: String) throws {
    let tool = BuildProducts.directory.appendingPathComponent("optplug").path
    // It fails unless every case passes or is skipped.
    _ = try Compiler(tool).output(["validate", Self.plugin(String(file.dropLast(2)))])
  }

  @Test func allAreTested() {
    #expect(
      Self.files.keys.sorted() == [
        "anchor.c", "momentum.c", "noise.c", "plugin.h", "split.c", "unit.c",
      ])
  }

  @Test func momentum() throws {
    let training = try Training<Float>("\(Self.plugin("momentum"))(lr=0.5, mu=0.5)", [Tensor("w", [1, 2])])
    try training.step([[1, -2]])
    try training.step([[1, 0]])
    // v: 1, then 1.5; -2, then -1.
    #expect(training.tensors[0].values == [-0.25, 3.5])
    #expect(training.state("w/velocity") == [1.5, -1])
  }

  @Test func aWrapper() throws {
    let anchor = try Self.plugin("anchor")
    let training = try Training<Float>(
      "\(anchor)(rate=0.5, pull=0.25, sgd(lr=1))", [Tensor("w", [1, 3]), Tensor("b", [5])])
    try training.step([[2, 0], nil])
    // 1 - 2 = -1; the average goes from 1 to 0; the weight a quarter of the way from -1 to 0.
    #expect(training.tensors.map(\.values) == [[-0.75, 3], [5]])
    #expect(training.state("w/average") == [0, 3])
  }

  @Test(arguments: ["%", "lookahead(k=2, alpha=1, %)", "lookahead(k=1, alpha=1, lookahead(k=3, alpha=1, %))"])
  func normalizedSteps(_ tree: String) throws {
    let expression = try tree.replacing("%", with: "\(Self.plugin("unit"))(lr=2)")
    let training = try Training<Float>(
      expression, [Tensor("w", Array(repeating: 1, count: 10_000)), Tensor("b", [0, 0])], threads: 2,
      pieceElements: 77)
    for _ in 1...3 { try training.step([Array(repeating: -3, count: 10_000), [3, 4]]) }
    // A step of length 2 over 10,000 equal elements is 2 / 100 in each.
    #expect(training.tensors[0].values.allSatisfy { abs($0 - 1.06) < 1e-6 })
    #expect(zip(training.tensors[1].values, [-3.6, -4.8]).allSatisfy { abs(Double($0) - $1) < 1e-5 })
  }

  @Test func noiseInTheGradient() throws {
    let noise = try Self.plugin("noise")
    let count = 30_000
    func step(threads: Int, pieceElements: Int) throws -> [Float] {
      let training = try Training<Float>(
        "\(noise)(sigma=0.5, sgd(lr=1))", [Tensor("w", Array(repeating: 0, count: count))], threads: threads,
        pieceElements: pieceElements)
      for _ in 1...2 { try training.step([Array(repeating: 1, count: count)]) }
      return training.tensors[0].values
    }
    let values = try step(threads: 1, pieceElements: 8192)
    #expect(try step(threads: 2, pieceElements: 1000) == values)
    // Two sums of 1 and a uniform number of variance 0.25 / 3: mean -2, variance 1 / 6; gates at 4 standard errors.
    let mean = values.reduce(0.0) { $0 + Double($1) } / Double(count)
    let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
    #expect(abs(mean + 2) < 4 * (1.0 / 6 / Double(count)).squareRoot())
    #expect(abs(variance - 1.0 / 6) < 4 * (1.0 / 6) * (1.0 / Double(count)).squareRoot())
  }

  @Test func routes() throws {
    let arena = try ParameterArena([
      .init(name: "matrix", shape: [2, 2]), .init(name: "bias", shape: [2]), .init(name: "scalar", shape: []),
    ])
    let optimizer = try Optimizer(
      "\(Self.plugin("split"))(sgd(lr=1, momentum=0.5), sgd(lr=0.125))", registry: BuildProducts.registry(),
      parameters: arena.parameters)
    for (gradient, parameter) in zip(arena.gradients, arena.parameters) {
      gradient.assumingMemoryBound(to: Float.self).update(repeating: 8, count: parameter.count)
    }
    try optimizer.step(gradients: arena.gradients.map { UnsafeRawPointer($0) })
    let values = arena.parameters.map { $0.values.load(as: Float.self) }
    #expect(values == [-8, -1, -1])
    let slots = optimizer.state().map(\.name).filter { !$0.hasPrefix("optimizer/") && !$0.hasSuffix("step") }
    #expect(slots == ["matrix/matrices.momentum_buffer"])
  }
}
