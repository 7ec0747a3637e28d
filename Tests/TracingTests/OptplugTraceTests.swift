// optplug trace, run as its users run it.

import Foundation
import TestSupport
import Testing

@Suite struct OptplugTraceTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func run(_ arguments: [String]) throws -> (status: Int32, output: String, error: String) {
    let process = Process()
    process.executableURL = BuildProducts.directory.appendingPathComponent("optplug")
    process.arguments = ["trace"] + arguments
    process.currentDirectoryURL = folder.url
    process.environment = ProcessInfo.processInfo.environment.merging(["NO_COLOR": "1"]) { $1 }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complaint = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text, complaint)
  }

  @Test func printsTheTableAndWritesTheFile() throws {
    let (status, output, error) = try run(
      [
        "lookahead(k=2, adam)", "--steps", "4", "--params", "50000", "--threads", "2", "--output", "t.json",
      ])
    #expect(status == 0 && error == "", "\(error)")
    for text in [
      "4 steps over 50,000 parameters on 2 threads", "  lookahead ", "    adam ", "host.add_slot",
      "eval-view/1.enter", "destroy", "Tracing costs ", "per call", "calls are in t.json",
    ] {
      #expect(output.contains(text), "\(text) in \(output)")
    }
    let data = try Data(contentsOf: folder.url.appendingPathComponent("t.json"))
    let file = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let events = try #require(file["traceEvents"] as? [[String: Any]])
    let steps = events.filter { $0["name"] as? String == "adam.step" }
      .compactMap { $0["args"] as? [String: Any] }
    #expect(steps.compactMap { $0["elements"] as? Int }.reduce(0, +) == 4 * 50_000)
    let about = try #require(file["otherData"] as? [String: String])
    #expect(Int(about["overhead_per_call_ns"] ?? "") ?? 0 > 0)
  }

  @Test func jsonHoldsTheTable() throws {
    let (status, output, _) = try run(["sgd(momentum=0.9)", "--json", "--steps", "3", "--params", "1000"])
    #expect(status == 0)
    let result = try #require(
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    #expect(result["steps"] as? Int == 3 && result["threads"] as? Int == 1)
    #expect(result["overhead_ns_per_call"] as? Double ?? 0 > 0)
    let functions = try #require(result["functions"] as? [[String: Any]])
    let step = try #require(functions.first { $0["function"] as? String == "step" })
    #expect(step["optimizer"] as? String == "sgd" && step["path"] as? String == "")
    #expect(step["elements"] as? Int == 3000 && step["total_ns"] as? Int == step["self_ns"] as? Int)
    let calls = functions.compactMap { $0["calls"] as? Int }.reduce(0, +)
    #expect(result["calls"] as? Int == calls)
  }

  @Test(arguments: [
    (["adamm"], 69, "adamm"), (["adam("], 64, "adam("), (["adam", "--steps", "0"], 64, "--steps 0"),
    (["adam", "--params", "0"], 64, "--params 0"), (["adam", "--threads", "2000"], 64, "--threads 2000"),
    (["adam", "--limit=-1"], 64, "--limit -1"),
    (["adam", "--output", "nowhere/t.json"], 73, "nowhere/t.json"),
    ([], 64, "<expression>"),
  ]) func failures(arguments: [String], status: Int32, text: String) throws {
    let outcome = try run(arguments)
    #expect(outcome.status == status && outcome.output == "", "\(outcome)")
    #expect(outcome.error.contains(text), "\(outcome.error)")
  }

  /// Tensors have the number of elements that was asked for, however few.
  @Test(arguments: [1, 2, 3, 4, 5, 7, 100, 101]) func anyNumberOfParameters(count: Int) throws {
    let (status, output, error) = try run(["sgd", "--params", "\(count)", "--steps", "2", "--json"])
    #expect(status == 0, "\(error)")
    let result = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
    let functions = try #require(result["functions"] as? [[String: Any]])
    let step = try #require(functions.first { $0["function"] as? String == "step" })
    #expect(step["elements"] as? Int == 2 * count)
  }
}
