// The trace file: what a viewer can rely on.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct ChromeTraceTests {
  private func record(_ expression: String, threads: Int, steps: Int) throws -> (TraceFile, TraceReport) {
    let trace = try Trace()
    do {
      let tensors = [60_000, 30].enumerated().map {
        Tensor("layer\($0).weight", [Float](repeating: 1, count: $1), group: $0)
      }
      let training = try Training(
        expression, tensors, groups: [ParameterGroup(name: "a"), ParameterGroup(name: "b")], threads: threads,
        pieceElements: 4096, trace: trace)
      for _ in 0..<steps { try training.step(tensors.map { $0.values }) }
      try training.optimizer.withEvaluationWeights {}
    }
    return (try TraceFile(trace, about: [("expression", expression)]), trace.report)
  }

  @Test(arguments: [1, 3]) func callsNestAndCarryTheirArguments(threads: Int) throws {
    let (file, report) = try record("lookahead(k=2, momentum=reset_all, adam)", threads: threads, steps: 10)
    #expect(file.about["expression"] == "lookahead(k=2, momentum=reset_all, adam)")
    #expect(file.about["dropped_events"] == "0")
    #expect(file.calls.count == Int(report.events))
    #expect(file.threadNames.count == report.threads && (1...threads).contains(report.threads))
    let workers = file.threadNames.values.filter { $0.hasPrefix("optplug-") }
    #expect(workers.count == report.threads - 1, "\(file.threadNames)")
    let parents = file.parents()
    for (call, parent) in zip(file.calls, parents) {
      switch call.name {
      case "adam.step":
        #expect(parent?.name == "lookahead.step" && parent?.number("step") == call.number("step"))
        #expect(parent?.number("elements") == call.number("elements"))
        #expect(call.text("optimizer") == "adam at base")
      case "host.add_slot", "host.borrow_slot":
        #expect(parent?.name.hasSuffix(".plan") == true && call.category == "host")
        #expect(call.text("parameter")?.hasPrefix("layer") == true)
      default: #expect(parent == nil, "\(call.name) in \(parent?.name ?? "")")
      }
    }
    for step in 1...10 {
      let calls = file.calls("lookahead.step").filter { $0.number("step") == step }
      #expect(calls.reduce(0) { $0 + ($1.number("elements") ?? 0) } == 60_030)
      for call in calls {
        #expect(call.number("pass") == 0 && call.number("phase") == 0 && call.number("status") == 0)
        #expect(call.number("segments") ?? 0 > 0 && call.text("parameter")?.hasSuffix(".weight") == true)
        #expect(call.category == "optimizer" && call.text("optimizer") == "lookahead")
      }
      #expect(Set(calls.map { "\($0.arguments["group"] ?? "")" }).isSubset(of: ["0", "1", "0 to 1"]))
    }
    let slots = file.calls("host.add_slot").filter { $0.text("optimizer") == "adam at base" }
    #expect(slots.compactMap { $0.text("slot") } == ["exp_avg", "exp_avg_sq", "exp_avg", "exp_avg_sq"])
    #expect(
      slots.compactMap { $0.text("parameter") } == [
        "layer0.weight", "layer0.weight", "layer1.weight", "layer1.weight",
      ])
    let restarts = file.calls("lookahead.restart-bases/1.restarts")
    #expect(restarts.map { $0.number("step") } == (1...10).flatMap { [$0, $0] })
    #expect(restarts.allSatisfy { $0.category == "extension" && $0.number("result") != nil })
    #expect(Set(restarts.map { $0.number("result") }) == [0, 1])
    let asked = file.calls("lookahead.get_extension")
    #expect(
      asked.contains { $0.text("id") == "optplug.eval-view/1" && $0.arguments["found"] as? Bool == true })
    #expect(file.calls("adam.get_extension").allSatisfy { $0.arguments["found"] as? Bool == false })
  }

  /// A failing call shows its status and what it said, also when the plugin forgot to end the text.
  @Test(arguments: ["step-fails", "step-fails-unterminated"]) func failuresShow(name: String) throws {
    let plugin = try CPlugin.compile(source: Repository.file("Tests/BadPlugins/\(name).c"))
    let trace = try Trace()
    let failing = try Training(
      plugin.path, [Tensor("w", [Float](repeating: 0, count: 200_000))], pieceElements: 50_000, trace: trace)
    let error = try #require(throws: OptimizerError.self) {
      try failing.step([[Float](repeating: 0, count: 200_000)])
    }
    let failed = try TraceFile(trace).calls("bad.step").filter { $0.number("status") != 0 }
    #expect(!failed.isEmpty && trace.report.row("step")?.failures == UInt64(failed.count))
    let message = try #require(failed[0].text("message"))
    #expect("\(error)".contains(message.prefix(40)))
  }
}
