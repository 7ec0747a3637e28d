// Functions of extensions that the tracer has never seen, in a plugin that describes them.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct ExtensionTests {
  private static let plugin = Result {
    try CPlugin.compile(source: Repository.file("Tests/TracingTests/Fixtures/boost.c"))
  }

  private func train(_ trace: Trace?) throws -> [Float] {
    let path = try Self.plugin.get().path
    let training = try Training(
      "\(path):booster(\(path):boosted)", [Tensor<Float>("w", mixedValues(stream: 1, count: 50_000))],
      threads: 2, pieceElements: 4096, trace: trace)
    for i in 1...5 { try training.step([mixedValues(stream: 1 + i, count: 50_000)]) }
    return training.tensors[0].values
  }

  /// The plugin itself checks every argument, every result and the address of every table.
  @Test func describedFunctionsAreTraced() throws {
    let trace = try Trace()
    #expect(digest(try train(trace)) == digest(try train(nil)))
    let report = trace.report
    let steps = try #require(report.row("step")?.calls)
    #expect(steps == report.row("step", at: "base")?.calls && steps > 5)
    let functions = ["scale", "nothing", "mix", "half", "low", "negative", "apply"]
    for function in functions {
      #expect(report.row("org.example.boost/1.\(function)", at: "base")?.calls == steps, "\(function)")
    }
    let elements = report.row("org.example.boost/1.apply", at: "base")?.elements
    #expect(elements == 250_000)

    let file = try TraceFile(trace)
    for (call, parent) in zip(file.calls, file.parents()) where call.name.hasPrefix("boosted.org.example") {
      #expect(parent?.name == "booster.step" && call.category == "extension")
    }
    // Any thread may have been the first.
    let scale = try #require(file.calls("boosted.org.example.boost/1.scale").first { $0.number("step") == 1 })
    #expect(scale.number("shift") == -2)
    #expect(scale.arguments["gain"] as? Double == 0.5 && scale.arguments["result"] as? Double == -0.5)
    let mix = try #require(file.calls("boosted.org.example.boost/1.mix").first)
    #expect(["0", "1", "2", "3"].map { mix.number($0) } == [-1, 200, -300, 60000])
    #expect(mix.number("result") == -123_456_789_012)
    #expect(file.calls("boosted.org.example.boost/1.half").first?.arguments["result"] as? Double == -1.5)
    #expect(file.calls("boosted.org.example.boost/1.low").first?.number("result") == 255)
    #expect(file.calls("boosted.org.example.boost/1.negative").first?.number("result") == -5)
    #expect(file.calls("boosted.org.example.boost/1.nothing").first?.arguments["result"] == nil)
  }

  /// What cannot be traced still works, and the report says so.
  @Test func theOthersAreHandedOn() throws {
    let trace = try Trace()
    _ = try train(trace)
    let notes = trace.report.notes
    #expect(notes.count == 3)
    #expect(
      notes.contains {
        $0.hasPrefix("extension org.example.newer/1 is handed on untraced: ")
          && $0.contains("the signature '@(pi)' ")
      })
    #expect(
      notes.contains {
        $0.hasPrefix("boosted: signature 10 lacks ") && $0.contains("13")
          && $0.hasSuffix("extension org.example.crooked/1 is handed on untraced")
      })
    #expect(
      notes.contains {
        $0.hasPrefix("extension org.example.secret/1 of 'boosted' is handed on untraced: ")
          && $0.contains("optplug.signatures/1")
      })
    #expect(try TraceFile(trace).about["notes"]?.split(separator: "\n").count == 3)
    // The host has no such service; a service that is not there is no reason for a note.
    #expect(trace.report.row("host.get_extension")?.calls == 1)
  }
}

/// A system that does not let programs make code.
@Suite struct HardenedSystemTests {
  @Test(arguments: [0, 1, 8, 13]) func saysWhy(closures: Int) throws {
    var left = closures
    let trace = try Trace(limit: 100) { code in
      guard left > 0 else { return nil }
      left -= 1
      return Closure.allocate(&code)
    }
    let error = try #require(throws: OptimizerError.self) {
      _ = try Training("lookahead(adam)", [Tensor<Float>("w", [1, 2])], trace: trace)
    }
    guard case .tracing(let problem) = error else {
      Issue.record("another error: \(error)")
      return
    }
    #expect(problem.contains("does not let a program make code") && problem.contains("execmem"))
  }

  /// Tables that appear while the optimizer runs are handed on as they are.
  @Test func laterTablesStayUntraced() throws {
    // Closures for the tables that are there from the start: those of a trace that may make all it wants.
    let whole = try Trace()
    _ = try Training("lookahead(sgd)", [Tensor<Float>("w", [1, 2])], trace: whole)
    let first = whole.recorder.functions.prefix { $0.table.isEmpty || $0.table == "host." }
    #expect(first.count < whole.recorder.functions.count)
    var left = first.count
    let trace = try Trace(limit: 100) { code in
      guard left > 0 else { return nil }
      left -= 1
      return Closure.allocate(&code)
    }
    let training = try Training("lookahead(sgd)", [Tensor<Float>("w", [1, 2])], trace: trace)
    try training.step([[0.5, 0.5]])
    #expect(training.tensors[0].values[0] < 1)
    #expect(trace.report.notes.contains { $0.contains("is handed on untraced: ") })
  }
}
