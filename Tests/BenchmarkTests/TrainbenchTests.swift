// trainbench trains as asked, with losses that are right, and refuses bad requests with a reason.

import Foundation
import TestSupport
import Testing

/// What trainbench says to each line.
private func answers(_ lines: [String], arguments: [String] = []) throws -> (
  status: Int32, replies: [[String: Any]]
) {
  let folder = try TemporaryFolder()
  let input = folder.url.appendingPathComponent("requests")
  try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: input)
  let output = folder.url.appendingPathComponent("out")
  try Data().write(to: output)
  let process = Process()
  process.executableURL = BuildProducts.directory.appendingPathComponent("trainbench")
  process.arguments = arguments
  process.environment = ProcessInfo.processInfo.environment.merging(["XDG_CACHE_HOME": folder.path("cache")])
  { $1 }
  process.standardInput = try FileHandle(forReadingFrom: input)
  process.standardOutput = try FileHandle(forWritingTo: output)
  process.standardError = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  let replies = try Data(contentsOf: output).split(separator: UInt8(ascii: "\n")).map {
    try #require(try JSONSerialization.jsonObject(with: $0) as? [String: Any])
  }
  return (process.terminationStatus, replies)
}

private func request(_ what: String, network: String = "lenet", batch: Int = 4, more: String = "") -> String {
  #"{"do":"\#(what)","case":{"network":"\#(network)","channels":1,"size":28,"batch":\#(batch),"images":16,"#
    + #""optimizer":"sgd(lr=0.01)","threads":2}\#(more)}"#
}

@Suite struct TrainbenchTests {
  /// With all parameters 0 every class is as likely, whatever the image: the loss is log 10, and as only the last
  /// bias learns, the losses after it follow from the labels alone.
  @Test func lossesAreThoseOfTheParametersGiven() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("parameters")
    let parameters = 48 * 25 + 48 + 96 * 48 * 25 + 96 + 512 * 2400 + 512 + 10 * 512 + 10
    try Data(count: parameters * 4).write(to: file)
    let short = folder.url.appendingPathComponent("short")
    try Data(count: 12).write(to: short)
    let (status, replies) = try answers([
      request("losses", more: #","count":2,"path":"\#(file.path)""#),
      request("losses", more: #","count":1,"path":"\#(short.path)""#),
    ])
    #expect(status == 0)
    let losses = try #require(replies.first?["losses"] as? [Double])
    #expect(losses.count == 2 && abs(losses[0] - log(10)) < 1e-6)
    // The formula of the labels once more, and softmax regression on a constant by hand.
    func label(_ image: UInt32) -> Int {
      let word = (image + 1_000_003) &* 2_654_435_761
      return Int(((word ^ (word >> 15)) &* 2_246_822_519) >> 24) % 10
    }
    var bias = [Double](repeating: 0.01 / 10 * -1, count: 10)
    for image in 0..<UInt32(4) { bias[label(image)] += 0.01 / 4 }
    let total = log(bias.map(exp).reduce(0, +))
    let expected = (4..<UInt32(8)).map { total - bias[label($0)] }.reduce(0, +) / 4
    #expect(abs(losses[1] - expected) < 1e-6)
    #expect((replies[1]["why"] as? String)?.contains("12 bytes") == true)
  }

  @Test func trainsByTheTrainerAndSaysWhatItTook() throws {
    let (status, replies) = try answers([
      #"{"do":"hello"}"#, request("prepare"), #"{"do":"step","id":1,"count":6}"#, #"{"do":"memory"}"#,
      request("profile", more: #","count":2"#), #"{"do":"release","id":1}"#,
      #"{"do":"step","id":1,"count":1}"#, #"{"do":"quit"}"#, #"{"do":"hello"}"#,
    ])
    #expect(status == 0)
    #expect(replies.map { $0["ok"] as? Bool } == [true, true, true, true, true, true, false, true])
    #expect((replies[2]["seconds"] as? Double ?? -1) > 0)
    #expect((replies[3]["bytes"] as? Int ?? 0) > 1_260_000 * 4)
    let parts = try #require(replies[4]["parts"] as? [[String: Any]])
    let names = parts.compactMap { $0["name"] as? String }
    #expect(names.first == "data preparation" && names.last == "optimizer step")
    #expect(parts.allSatisfy { ($0["seconds"] as? Double ?? -1) >= 0 })
    let conv1 = try #require(parts.first { $0["name"] as? String == "conv1 convolution" })
    #expect(conv1["products"] as? Double == Double(2 * 4 * 48 * 28 * 28 * 25))
  }

  @Test func badRequestsGetAReason() throws {
    let lines = [
      "no JSON", #"{"do":"dance"}"#, #"{"do":"step"}"#, #"{"do":"prepare"}"#,
      request("prepare", network: "lanet"), request("prepare", batch: 17), request("prepare", batch: 0),
      request("losses"), request("profile", more: #","count":0"#),
    ]
    let (status, replies) = try answers(lines)
    #expect(status == 0 && replies.count == lines.count)
    for (line, reply) in zip(lines, replies) {
      #expect(reply["ok"] as? Bool == false, "\(line)")
      #expect((reply["why"] as? String)?.isEmpty == false, "\(line)")
    }
    #expect(try answers([], arguments: ["serve"]).status == 64)
  }
}
