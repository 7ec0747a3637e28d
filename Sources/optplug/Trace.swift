// optplug trace: every call of an optimizer's functions over a few steps, as a table and as a file.

import ArgumentParser
import Foundation
import OptimizerHost
import Terminal

struct TraceCommand: Command {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Shows every call between host, wrappers and bases over a few steps.",
    discussion: """
      Trains made-up parameters and prints, for each function of each optimizer of the tree, how often it was called \
      and how long it took. With --output, all calls are written for https://ui.perfetto.dev or chrome://tracing.

        optplug trace 'lookahead(adam)'
        optplug trace 'lookahead(k=5, ./my.so)' --threads 2 --output trace.json

      What is computed is the same, bit for bit, as without a trace.
      """)

  @Argument(help: ArgumentHelp("Optimizer: a name, a path or an expression.", valueName: "expression"))
  var expression: String

  @Option(help: ArgumentHelp("Steps, 1…1000000.", valueName: "count"))
  var steps = 20

  @Option(help: ArgumentHelp("Elements of all parameters together, 1…1000000000.", valueName: "count"))
  var params = 1_000_000

  @Option(help: ArgumentHelp("Threads, 1…1024.", valueName: "count"))
  var threads = 1

  @Option(help: ArgumentHelp("Writes all calls into this file, as JSON.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("The most calls that are kept for the file, 0 or more.", valueName: "count"))
  var limit = Trace.standardLimit

  @Flag(help: "Prints the table as one JSON object.")
  var json = false

  @OptionGroup var plugins: RegistryOptions

  func validate() throws {
    try require((1...1_000_000).contains(steps), "--steps", steps, "1 to 1000000")
    try require((1...1_000_000_000).contains(params), "--params", params, "1 to 1000000000")
    try require((1...1024).contains(threads), "--threads", threads, "1 to 1024")
    try require(limit >= 0, "--limit", limit, "0 or more")
  }

  private func require(_ holds: Bool, _ option: String, _ value: Int, _ range: String) throws {
    guard holds else { throw ValidationError("\(option) \(value) is out of range; use \(range)") }
  }

  func perform() throws {
    let file = try output.map(writable)
    let trace = try Trace(limit: output == nil ? 0 : limit)
    let canonical = try train(trace)
    let overhead = try Trace.measureOverhead()
    if let file {
      let text = trace.chrome(
        about: [("program", "optplug trace"), ("optimizer", canonical)], overhead: overhead)
      do {
        try Data(text.joined()).write(to: file, options: .atomic)
      } catch {
        throw unwritable(file.path, error.localizedDescription)
      }
    }
    if json {
      try Console.output(TraceSummary(trace.report, overhead, optimizer: canonical, self).text())
    } else {
      try Console.output(
        """
          \(canonical)
          \(Format.count(steps)) steps over \(Format.count(params)) parameters on \(threads) thread\(threads == 1 ? "" : "s")

        \(traceTable(trace.report, overhead, file: output))
        """)
    }
  }

  /// Where the trace goes, links followed. It replaces what is there, so that must be a regular file.
  private func writable(_ path: String) throws -> URL {
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    var isFolder: ObjCBool = false
    guard
      FileManager.default.fileExists(
        atPath: file.deletingLastPathComponent().path, isDirectory: &isFolder), isFolder.boolValue
    else { throw unwritable(path, "its folder is not there; make it first") }
    let kind = try? FileManager.default.attributesOfItem(atPath: file.path)[.type] as? FileAttributeType
    guard kind == nil || kind == .typeRegular else {
      throw unwritable(path, "it is there and not a regular file; name another")
    }
    return file
  }

  private func unwritable(_ path: String, _ problem: String) -> any Error {
    Console.error("Error: '\(path)' cannot be written: \(problem)")
    return ExitStatus.cannotCreate.exitCode
  }

  /// Takes the steps, evaluates once and ends the optimizer.
  /// - Returns: the expression with every value.
  private func train(_ trace: Trace) throws -> String {
    let problem = SyntheticProblem(elements: params)
    let optimizer = try Optimizer(
      expression, registry: plugins.registry(), parameters: problem.parameters, threads: threads, trace: trace
    )
    for _ in 0..<steps { try problem.step(optimizer) }
    try optimizer.withEvaluationWeights {}
    return optimizer.expression
  }
}
