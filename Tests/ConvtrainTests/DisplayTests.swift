// What a run shows: events as JSON, more and less of it, curves in the terminal.

import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct DisplayTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
    try program.writeIDX(BuiltinDigits.make(trainCount: 80, testCount: 20), to: "digits")
  }

  private func train(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
    let common = [
      "--no-run-dir", "--data", "digits", "--epochs", "2", "--batch-size", "20", "--limit-batches", "3",
    ]
    let outcome = try program.start(common + arguments, environment: environment).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
    return outcome
  }

  private func objects(_ output: String) throws -> [[String: Any]] {
    try output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func eventsAreLinesOfJSON() throws {
    let outcome = try train("--json", "--plot", "--verbose", environment: ["LC_ALL": "C"])
    let lines = try objects(outcome.output)
    #expect(
      lines.map { $0["event"] as? String } == [
        "step", "step", "step", "epoch", "step", "step", "step", "epoch", "test", nil,
      ])
    #expect(lines.compactMap { $0["step"] as? Int } == [1, 2, 3, 3, 4, 5, 6, 6])
    #expect(lines[3]["validation_accuracy"] is Double)
    #expect((lines[8]["confusion_matrix"] as? [[Int]])?.joined().reduce(0, +) == 20)
    #expect(lines[9]["test_accuracy"] as? Double == lines[8]["accuracy"] as? Double)

    // What else there is to say goes to stderr.
    for text in [
      "epoch 1/2  step 1/3", "epoch 2/2  step 3/3", "batch loss", "plugins are looked for",
      "time: training took",
      "  Loss\n", "  Accuracy\n", "x validation",
    ] {
      #expect(outcome.error.contains(text), "\(text)\n\(outcome.error)")
    }
    let plot = outcome.error.components(separatedBy: "  Loss\n").last ?? ""
    #expect(plot.unicodeScalars.allSatisfy { $0.isASCII } && !plot.contains("\u{1B}"))
  }

  @Test func quietLeavesTheResult() throws {
    let json = try train("--json", "--quiet")
    #expect(json.error == "")
    let result = try objects(json.output)
    #expect(result.count == 1 && result[0]["event"] == nil && result[0]["test_accuracy"] is Double)
    let table = try train("-q", "--plot", environment: ["LC_ALL": "C.UTF-8", "COLUMNS": "50"])
    #expect(table.error == "" && table.output.contains("test accuracy") && table.output.contains("└"))
    for line in table.output.components(separatedBy: "  Loss\n")[1].split(separator: "\n") {
      #expect(line.count <= 50, "\(line)")
    }
    let both = try program.run("-q", "-v")
    #expect(both.status == 64 && both.error.contains("--quiet and --verbose"))
  }

  #if os(Linux)
    /// Lines that are lost are no success, and the weights are saved all the same.
    @Test func aFullDiskBehindJSONIsNoSuccess() throws {
      let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
      let outcome = try program.start(
        [
          "--data", "digits", "--epochs", "1", "--limit-batches", "1", "--json", "--no-run-dir", "--save",
          "w",
        ], output: full
      ).finish()
      #expect(outcome.status == 1 && outcome.error.contains("standard output"), "\(outcome.error)")
      #expect(try program.names().contains("w"))
    }
  #endif
}
