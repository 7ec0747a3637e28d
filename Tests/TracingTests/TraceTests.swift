// What a trace sees of shipped optimizers, and that it changes nothing.

import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

private let trees = [
  "sgd(lr=0.1, momentum=0.9, nesterov=true)", "adam(lr=0.01, amsgrad=true)",
  "lookahead(k=2, init=lazy, adamw)", "lookahead(k=3, momentum=pullback, adam(lr=0.01))",
  "lookahead(k=4, momentum=reset, lookahead(k=2, momentum=reset_all, sgd(lr=0.1, momentum=0.9)))",
  // Phases, passes, changed gradients, blocks, working memory.
  "ema(lamb)", "lookahead(sam(adamw))", "gradient-centralization(adam8bit)", "schedulefree(sgd(lr=0.1))",
  "lars",
]

/// Enough elements for several threads, in two groups.
private func makeTensors() -> [Tensor<Float>] {
  [40_001, 1, 17, 5_000, 0, 64].enumerated().map { i, size in
    Tensor("t\(i)", mixedValues(stream: i, count: size), group: i % 2)
  }
}

private func train(_ expression: String, threads: Int, steps: Int, trace: Trace?) throws -> Training<Float> {
  let training = try Training(
    expression, makeTensors(),
    groups: [ParameterGroup(name: "even"), ParameterGroup(name: "odd", hyperparameters: ["lr": 0.02])],
    threads: threads, pieceElements: 1000, trace: trace)
  for number in 1...steps {
    try training.step(scale: number == 3 ? 0.3 : 1) {
      let gradients: [[Float]?] = training.tensors.enumerated().map { i, tensor in
        guard (number + i) % 4 != 0 else { return nil }
        let noise: [Float] = mixedValues(stream: 1000 + 16 * number + i, count: tensor.count)
        return zip(noise, tensor.values).map { $0 + 0.1 * $1 }
      }
      return (loss: 1 / Double(number), gradients: gradients)
    }
    try training.optimizer.withEvaluationWeights {}
  }
  return training
}

extension TraceReport {
  func row(_ function: String, at path: String = "") -> Row? {
    rows.first { $0.function == function && $0.path == path }
  }
}

@Suite struct TraceTests {
  @Test(arguments: trees, [1, 2]) func changesNoBit(expression: String, threads: Int) throws {
    let plain = try train(expression, threads: threads, steps: 9, trace: nil)
    let trace = try Trace(limit: 5000)
    let traced = try train(expression, threads: threads, steps: 9, trace: trace)
    #expect(traced.tensors.map { digest($0.values) } == plain.tensors.map { digest($0.values) })
    #expect(traced.optimizer.state() == plain.optimizer.state())
    #expect(trace.report.row("step")?.calls ?? 0 > 9)
    #expect(trace.report.notes == [])
  }

  /// Every call of a life, counted by hand.
  @Test func countsEveryCall() throws {
    let trace = try Trace()
    let steps = 6
    do {
      let tensors = [100, 200, 300].enumerated().map { Tensor("t\($0)", [Float](repeating: 1, count: $1)) }
      let training = try Training("lookahead(k=2, momentum=reset, adam)", tensors, trace: trace)
      for _ in 0..<steps { try training.step(tensors.map { $0.values }) }
      try training.optimizer.withEvaluationWeights {}
    }
    let report = trace.report
    func calls(_ function: String, _ path: String) -> UInt64? { report.row(function, at: path)?.calls }
    for path in ["", "base"] {
      for function in ["check", "create", "plan", "destroy"] { #expect(calls(function, path) == 1) }
    }
    // Adam asks for two slots of each parameter. Lookahead asks for one, and for a copy of the first moment.
    #expect(calls("host.add_slot", "base") == 6)
    #expect(calls("host.borrow_slot", "") == 6)
    #expect(calls("restart-bases/1.restarts", "") == UInt64(steps))
    #expect(calls("eval-view/1.enter", "") == calls("eval-view/1.leave", ""))
    #expect(calls("eval-view/1.enter", "") ?? 0 > 0)
    #expect(calls("step", "") == calls("step", "base"))
    for path in ["", "base"] { #expect(report.row("step", at: path)?.elements == UInt64(600 * steps)) }
    #expect(report.rows.map(\.path) == report.rows.map(\.path).sorted())
    #expect(Set(report.rows.map(\.optimizer)) == ["lookahead", "adam"])
    #expect(report.dropped == 0 && report.threads == 1)
    #expect(report.events == report.rows.reduce(0) { $0 + $1.calls })
    let step = try #require(report.row("step"))
    let base = try #require(report.row("step", at: "base"))
    #expect(step.own == step.total - base.total && base.own == base.total)
    #expect(base.ownPerElement == Double(base.own) / Double(600 * steps))
  }

  @Test func aTraceFollowsOneOptimizer() throws {
    let trace = try Trace()
    _ = try Training("sgd", [Tensor<Float>("w", [1])], trace: trace)
    let error = #expect(throws: OptimizerError.self) {
      _ = try Training("sgd", [Tensor<Float>("w", [1])], trace: trace)
    }
    #expect("\(try #require(error))" == "trace: it follows another optimizer already; make a trace for each")
    #expect(throws: OptimizerError.self) { _ = try Trace(limit: -1) }
  }

  /// The optimizer keeps its trace alive, and one that has ended leaves nothing behind that could be called.
  @Test func tracesComeAndGo() throws {
    for _ in 0..<20 {
      let training = try Training(
        "lookahead(adam)", [Tensor<Float>("w", [1, 2])], trace: try Trace(limit: 10))
      for _ in 0..<5 { try training.step([[0.5, 0.25]]) }
      #expect(training.tensors[0].values[0] < 1)
    }
  }

  @Test func twoTracesAtOnce() throws {
    let results = Locked<[Int: Result<(destroyed: UInt64?, steps: Set<Int>), any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: 2) { i in
      let result = Result {
        let trace = try Trace()
        _ = try train("lookahead(adam)", threads: 2, steps: 5 + i, trace: trace)
        let steps = try TraceFile(trace).calls("lookahead.step").compactMap { $0.number("step") }
        return (destroyed: trace.report.row("destroy")?.calls, steps: Set(steps))
      }
      results.withLock { $0[i] = result }
    }
    for i in 0..<2 {
      let result = try #require(results.withLock { $0[i] }).get()
      #expect(result.destroyed == 1 && result.steps == Set(1...(5 + i)))
    }
  }

  @Test func overheadIsMeasured() throws {
    let overhead = try Trace.measureOverhead()
    #expect(overhead.perCall > 10 && overhead.perCall < 100_000)
    #expect(overhead.perCallInside <= overhead.perCall)
  }
}

/// Memory is bounded, and what was lost is said.
@Suite struct TraceLimitTests {
  /// As the documentation says.
  @Test func eventsAreSmall() { #expect(MemoryLayout<TraceEvent>.stride == 120) }

  @Test(arguments: [0, 1, 10, 1000], [1, 2]) func dropsBeyondTheLimit(limit: Int, threads: Int) throws {
    let whole = try Trace()
    _ = try train("lookahead(adam)", threads: threads, steps: 12, trace: whole)
    let trace = try Trace(limit: limit)
    _ = try train("lookahead(adam)", threads: threads, steps: 12, trace: trace)
    let report = trace.report
    #expect(report.events <= limit)
    #expect(report.events + report.dropped == whole.report.events)
    #expect(report.rows.map(\.calls) == whole.report.rows.map(\.calls))
    #expect(report.rows.map(\.elements) == whole.report.rows.map(\.elements))
    let file = try TraceFile(trace)
    #expect(file.calls.count == Int(report.events))
    #expect(file.about["dropped_events"] == "\(report.dropped)")
    _ = file.parents()
  }
}
