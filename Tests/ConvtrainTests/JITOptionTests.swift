// convtrain --jit: the same bits, and what is said of it.

import Foundation
import TestSupport
import Testing

@Suite struct JITOptionTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
  }

  private func train(
    _ arguments: String..., status: Int32 = 0, environment: [String: String] = [:]
  ) throws -> Outcome {
    let outcome = try program.start(
      ["lenet", "--limit-batches", "6", "--threads", "2"]
        + (arguments.contains("--epochs") ? [] : ["--epochs", "1"]) + arguments,
      environment: environment
    ).finish()
    #expect(outcome.status == status, "\(outcome.error)")
    return outcome
  }

  private func line(_ name: String, of outcome: Outcome) -> String? {
    outcome.error.split(separator: "\n").map { $0.drop(while: \.isWhitespace) }.first { $0.hasPrefix(name) }
      .map(String.init)
  }

  @Test func theSameBits() throws {
    let jit = try train("--lookahead", "--jit", "--save", "jit")
    let plain = try train("--lookahead", "--save", "plain")
    #expect(try program.contents("jit") == program.contents("plain"))
    #expect(
      line("jit ", of: jit)?.hasSuffix(" compiled programs take the optimizer's steps") == true,
      "\(jit.error)")
    #expect(line("jit ", of: plain) == nil)
    let programs = try FileManager.default.contentsOfDirectory(atPath: program.path("cache/optplug/programs"))
    #expect(programs.count >= 2 && programs.allSatisfy { $0.hasSuffix(".so") }, "\(programs)")
  }

  /// Nothing of a run depends on it, so that it may come in the middle.
  @Test func aRunGoesOnWithIt() throws {
    _ = try train("--epochs", "2", "--save", "whole")
    _ = try train("--run-dir", "run")
    let outcome = try program.run("--resume", "run", "--epochs", "2", "--jit", "--save", "resumed")
    #expect(outcome.status == 0, "\(outcome.error)")
    #expect(try program.contents("resumed") == program.contents("whole"))
    let settings = try String(decoding: program.contents("run/config.json"), as: UTF8.self)
    #expect(settings.contains("\"jit\""), "\(settings)")
    // What the run has once is its own, and it may go where there is no compiler.
    let again = try program.run("--resume", "run", "--epochs", "3")
    #expect(again.status == 0 && line("jit ", of: again) != nil, "\(again.error)")
    let without = try program.start(
      ["--resume", "run", "--epochs", "4", "--no-jit"], environment: ["CC": "/nonexistent"]
    ).finish()
    #expect(without.status == 0 && line("jit ", of: without) == nil, "\(without.error)")
  }

  /// A compiler that fails in the middle ends no training.
  @Test func aCompilerThatIsGone() throws {
    let script = program.path("cc")
    try Data(
      "#!/bin/sh\ncase $1 in --version) exit 0;; esac\ntest -e \(script).used && { echo 'error: no more'; exit 1; }\ntouch \(script).used\nexec cc \"$@\"\n"
        .utf8
    ).write(to: URL(fileURLWithPath: script))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    let jit = try train("--lookahead", "--jit", "--save", "jit", environment: ["CC": script])
    #expect(
      jit.error.contains("jit: from step 5 on the optimizers' own code takes the steps"), "\(jit.error)")
    #expect(jit.error.contains("failed (error: no more)"), "\(jit.error)")
    _ = try train("--lookahead", "--save", "plain")
    #expect(try program.contents("jit") == program.contents("plain"))
  }

  @Test func whatIsSaidWithoutProgramsOrCompiler() throws {
    let lamb = try train("--jit", "--optimizer-plugin", "lamb")
    #expect(line("jit ", of: lamb)?.contains("since 'lamb' has no formula") == true, "\(lamb.error)")
    let none = try train("--jit", status: 69, environment: ["CC": "/nonexistent"])
    #expect(
      none.error.contains("Error: program: the C compiler '/nonexistent', which CC names, is not there"),
      "\(none.error)")
    let traced = try train("--jit", "--trace", "trace.json", status: 64)
    #expect(traced.error.contains("which --jit replaces; leave one of both out"), "\(traced.error)")
  }
}
