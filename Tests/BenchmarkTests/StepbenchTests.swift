// stepbench answers the benchmarks' orchestrator with the right numbers, and bad requests with a reason.

import Foundation
import TestSupport
import Testing

/// What stepbench says to each line, and how it ends.
private func answers(_ arguments: [String], _ lines: [String] = []) throws -> (
  status: Int32, replies: [[String: Any]], error: String
) {
  let folder = try TemporaryFolder()
  let input = folder.url.appendingPathComponent("requests")
  try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: input)
  let (output, error) = (folder.url.appendingPathComponent("out"), folder.url.appendingPathComponent("error"))
  for file in [output, error] { try Data().write(to: file) }
  let process = Process()
  process.executableURL = BuildProducts.directory.appendingPathComponent("stepbench")
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(["XDG_CACHE_HOME": folder.path("cache")])
  { $1 }
  process.standardInput = try FileHandle(forReadingFrom: input)
  process.standardOutput = try FileHandle(forWritingTo: output)
  process.standardError = try FileHandle(forWritingTo: error)
  try process.run()
  process.waitUntilExit()
  let replies = try Data(contentsOf: output).split(separator: UInt8(ascii: "\n")).map {
    try #require(try JSONSerialization.jsonObject(with: $0) as? [String: Any])
  }
  return (process.terminationStatus, replies, try String(contentsOf: error, encoding: .utf8))
}

@Suite struct StepbenchTests {
  private func prepare(_ settings: String, _ implementation: String? = nil) -> String {
    let which = implementation.map { #""implementation":"\#($0)","# } ?? ""
    return #"{"do":"prepare",\#(which)"case":{\#(settings)}}"#
  }

  /// SGD by hand, from the numbers that every contender starts with.
  @Test(arguments: ["arena", "foreign"], [("optplug", 1), ("optplug", 2), ("optplug-jit", 2)])
  func stepsAreThoseOfTheOptimizer(layout: String, how: (implementation: String, threads: Int)) throws {
    let (implementation, threads) = how
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("values")
    let (status, replies, _) = try answers(
      ["serve", "ours", "--threads", "\(threads)"],
      [
        #"{"do":"hello"}"#,
        prepare(
          #""tensors":[[2,3],[],[0],[70000]],"layout":"\#(layout)","optimizer":"sgd","hyperparameters":{"lr":0.5},"threads":\#(threads)"#,
          implementation),
        #"{"do":"step","id":1,"count":2}"#, #"{"do":"values","id":1,"path":"\#(file.path)"}"#,
        #"{"do":"release","id":1}"#, #"{"do":"step","id":1,"count":1}"#, #"{"do":"quit"}"#,
      ])
    #expect(status == 0)
    #expect(replies.map { $0["ok"] as? Bool } == [true, true, true, true, true, false, true])
    #expect(replies[0]["implementations"] as? [String] == ["optplug", "optplug-jit"])
    #expect((replies[2]["seconds"] as? Double ?? -1) > 0)
    #expect(replies[5]["why"] as? String == "nothing is prepared as 1")
    func unit(_ bits: UInt32) -> Float { Float(bits >> 8) / 0x1p24 - 0.5 }
    let expected = (0..<UInt32(70_007)).map { i in
      let gradient = unit((i &+ 1) &* 2_246_822_519) / 64
      return unit(i &* 2_654_435_761).addingProduct(gradient, -0.5).addingProduct(gradient, -0.5)
    }
    let values = try Data(contentsOf: file).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(values == expected)
  }

  @Test func theLimitStepsWithoutValues() throws {
    let (status, replies, _) = try answers(
      ["serve", "limit", "--threads", "2"],
      [
        prepare(#""tensors":[[100000]],"optimizer":"adam","hyperparameters":{},"clip":1,"threads":2"#),
        #"{"do":"step","id":1,"count":3}"#, #"{"do":"values","id":1,"path":"/nowhere"}"#,
      ])
    #expect(status == 0)
    #expect(replies.map { $0["ok"] as? Bool } == [true, true, false])
    #expect((replies[1]["seconds"] as? Double ?? -1) > 0)
  }

  @Test func badRequestsGetAReason() throws {
    let lines = [
      "no JSON", #"{"do":"dance"}"#, #"{"do":"step"}"#, #"{"do":"prepare"}"#,
      prepare(#""tensors":[[-1]],"optimizer":"adam""#), prepare(#""tensors":[[1]],"optimizer":"adem""#),
      prepare(#""tensors":[[1]],"optimizer":"adam","hyperparameters":{"lr":-1}"#),
      #"{"do":"step","id":1,"count":0}"#,
    ]
    let (status, replies, _) = try answers(["serve", "ours"], lines)
    #expect(status == 0)
    #expect(replies.count == lines.count)
    for (line, reply) in zip(lines, replies) {
      #expect(reply["ok"] as? Bool == false && (reply["why"] as? String)?.isEmpty == false, "\(line)")
    }
  }

  @Test func costsComeAsOneObject() throws {
    let plan = try answers(["plan"])
    #expect(plan.status == 0)
    #expect((plan.replies.first?["total_ms"] as? Double ?? -1) > 0)
  }

  @Test(arguments: [
    [], ["dance"], ["serve"], ["serve", "ours", "--threads", "0"], ["kernel", "--dtype", "int8"],
  ])
  func wrongArgumentsAreUsageErrors(_ arguments: [String]) throws {
    let (status, replies, error) = try answers(arguments)
    #expect(status == 64 && replies.isEmpty)
    #expect(error.hasPrefix("stepbench: "))
  }
}
