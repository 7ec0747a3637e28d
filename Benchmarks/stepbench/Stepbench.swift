// stepbench: what the benchmarks measure of this repository, each mode as one process.

import Foundation

@main
enum Stepbench {
  private static let help = """
    stepbench serve ours|limit [--threads N]
      Prepares and times steps on request: one JSON object a line, from standard input to standard output.
      `ours` steps with the plugins beside this program; `limit` only moves as much memory.
    stepbench call
      The time of a wrapper's call of its base through the ABI, in nanoseconds, as one JSON line.
    stepbench plan [--threads N]
      The time from nothing to an optimizer that is ready to step, for ResNet-18, as one JSON line.
    stepbench kernel --optimizer EXPRESSION --elements N --steps M
        [--tensors T] [--dtype float32|float64] [--layout arena|foreign] [--clip NORM] [--threads N]
      Takes M steps on T tensors (1) of N elements and prints nothing: for a tool that counts instructions.

    Exit status: 0 success; 1 a failed run; 64 wrong usage.
    """

  static func main() {
    do {
      try run(Array(CommandLine.arguments.dropFirst()))
    } catch let error as UsageError {
      fail("\(error)\nstepbench --help shows the usage.", status: 64)
    } catch {
      fail("\(error)", status: 1)
    }
  }

  private static func run(_ words: [String]) throws {
    guard let mode = words.first else { throw UsageError("say what to measure: serve, call, plan or kernel") }
    guard !words.contains("--help"), !words.contains("-h") else {
      write(help)
      return
    }
    var arguments = Arguments(words.dropFirst())
    switch mode {
    case "serve":
      let kind = try arguments.word("what to serve: ours or limit")
      let threads = try arguments.integer("--threads", in: 1...1024) ?? 1
      try arguments.expectEnd()
      switch kind {
      case "ours": serve(OptPlugContender(threads: threads))
      case "limit": serve(LimitContender(threads: threads))
      default: throw UsageError("'\(kind)' cannot be served; say ours or limit")
      }
    case "call":
      try arguments.expectEnd()
      write(try json(CallCost.measure()))
    case "plan":
      let threads = try arguments.integer("--threads", in: 1...1024) ?? 1
      try arguments.expectEnd()
      write(try json(PlanCost.measure(threads: threads)))
    case "kernel":
      let kernel = try Kernel(&arguments)
      try arguments.expectEnd()
      try kernel.run()
    default:
      throw UsageError("'\(mode)' is no mode; say serve, call, plan or kernel")
    }
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data("stepbench: \(message)\n".utf8))
    exit(status)
  }
}

/// A line on standard output, at once.
func write(_ line: String) {
  FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// Seconds of a clock that only goes forward.
func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
