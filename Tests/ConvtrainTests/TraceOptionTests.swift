// convtrain --trace: the file, the table, and that training is the same with it.

import Foundation
import TestSupport
import Testing

@Suite struct TraceOptionTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
  }

  private func train(_ arguments: String..., save: String) throws -> Outcome {
    let outcome = try program.start(
      [
        "lenet", "--epochs", "1", "--limit-batches", "12", "--lookahead", "--threads", "2", "--save", save,
      ] + arguments
    ).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
    return outcome
  }

  @Test func writesEveryCallAndChangesNothing() throws {
    let outcome = try train("--trace", "trace.json", "--json", save: "traced")
    _ = try train(save: "plain")
    #expect(try program.contents("traced") == program.contents("plain"))
    #expect(try program.names() == ["plain", "trace.json", "traced"])

    let file = try #require(
      try JSONSerialization.jsonObject(with: program.contents("trace.json")) as? [String: Any])
    let events = try #require(file["traceEvents"] as? [[String: Any]])
    let names = events.filter { $0["ph"] as? String == "X" }.compactMap { $0["name"] as? String }
    for name in ["lookahead.create", "adam.plan", "host.add_slot", "lookahead.destroy"] {
      #expect(names.contains(name), "\(name)")
    }
    #expect(names.count { $0 == "adam.step" } == names.count { $0 == "lookahead.step" })
    #expect(names.count { $0 == "adam.step" } >= 12)
    // The slow weights are in place while the validation runs.
    #expect(names.contains("lookahead.eval-view/1.enter"))
    let parameters = events.compactMap { ($0["args"] as? [String: Any])?["parameter"] as? String }
    #expect(parameters.contains("features.0.weight") || parameters.contains("conv1.weight"), "\(parameters)")
    let about = try #require(file["otherData"] as? [String: String])
    #expect(about["program"] == "convtrain" && about["optimizer"] == "lookahead(k=5, alpha=0.5, adam)")

    // Stdout holds events and the result alone.
    for line in outcome.output.split(separator: "\n") {
      #expect(try JSONSerialization.jsonObject(with: Data(line.utf8)) is [String: Any])
    }
    for text in ["host.add_slot", "self/element", "Tracing costs ", "calls are in trace.json"] {
      #expect(outcome.error.contains(text), "\(outcome.error)")
    }
  }

  @Test func theLimitHolds() throws {
    let outcome = try train("--trace", "trace.json", "--trace-limit", "50", save: "weights")
    let file = try #require(
      try JSONSerialization.jsonObject(with: program.contents("trace.json")) as? [String: Any])
    let events = try #require(file["traceEvents"] as? [[String: Any]])
    #expect(events.count { $0["ph"] as? String == "X" } <= 50)
    #expect(outcome.error.contains("calls are beyond the limit: they are in this table, but not in the file"))
  }

  @Test func aRunThatFailsLeavesItsTrace() throws {
    let outcome = try program.run("--epochs", "1", "--lr", "1e30", "--trace", "trace.json")
    #expect(outcome.status == 1 && outcome.error.contains("Error: "))
    #expect(try program.names() == ["trace.json"])
    let unknown = try program.run("--optimizer-plugin", "adamm", "--trace", "other.json")
    #expect(unknown.status == 69)
    #expect(try program.names() == ["trace.json"], "there was nothing to write")
  }

  @Test func refusesWhatMakesNoSense() throws {
    let alone = try program.run("--trace-limit", "5")
    #expect(alone.status == 64 && alone.error.contains("--trace-limit needs --trace"))
    let negative = try program.run("--trace", "t.json", "--trace-limit=-1")
    #expect(negative.status == 64 && negative.error.contains("--trace-limit -1"))
    let lost = try program.run("--trace", "nowhere/t.json")
    #expect(lost.status == 1 && lost.error.contains("nowhere/t.json") && lost.output == "")
  }
}
