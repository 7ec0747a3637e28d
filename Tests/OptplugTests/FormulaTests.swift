// What `optplug inspect --formula` shows.

import Foundation
import TestSupport
import Testing

@Suite struct FormulaTests {
  private let program: Program

  init() throws { program = try Program("optplug") }

  private func shown(_ arguments: String...) throws -> String {
    let outcome = try program.start(["inspect"] + arguments + ["--formula"]).finish()
    #expect(outcome.status == 0, "\(outcome.error)")
    return outcome.output
  }

  /// Without momentum and weight decay: p - lr g, in one rounding.
  @Test func gradientDescentIsOneOperation() throws {
    #expect(
      try shown("sgd(lr=0.25)") == """
        all steps: 2 operations, reads 2 and writes 1 numbers of an element
          c0 = 1.0  (gradient scale)
          c1 = -0.25  (sgd: constant 0)
          v0 = g * c0
          v1 = fma(v0, c1, p)
          p <- v1

        """)
  }

  /// After each sync the base starts afresh, and with it its first step.
  @Test func restartsAreFollowed() throws {
    let text = try shown("lookahead(k=3, momentum=reset_all, sgd(momentum=0.9))")
    #expect(text.contains("steps 1, 4, 7, …: 2 operations"), "\(text)")
    #expect(text.contains("steps 2, 5, 8, …: 4 operations"), "\(text)")
    #expect(text.contains("steps 3, 6, 9, …, without a gradient"), "\(text)")
  }

  @Test func oneStepInC() throws {
    let text = try shown("lookahead(k=2, adamw)", "--step", "4", "--language", "c")
    #expect(text.hasPrefix("/* step 4: 16 operations"), "\(text)")
    #expect(text.contains("c9 = 0.5 */"), "\(text)")
    let folder = try TemporaryFolder()
    let source = try folder.write("step.c", text.utf8)
    try Compiler.cc.run(["-Wall", "-Wextra", "-Werror", "-c", source, "-o", folder.path("step.o")])
  }

  @Test func asJSON() throws {
    let text = try shown("lookahead(k=2, adam)", "--language", "cuda", "--dtype", "bfloat16", "--json")
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["expression"] as? String == "lookahead(k=2, adam)")
    let programs = try #require(object["programs"] as? [[String: Any]])
    #expect(programs.count == 3)
    #expect(programs.map { $0["has_gradient"] as? Bool } == [true, true, false])
    let sync = programs[1]
    #expect(sync["slots"] as? [String] == ["slow", "base.exp_avg", "base.exp_avg_sq"])
    #expect(
      sync["streams"] as? [String] == ["p", "g", "slow", "base.exp_avg", "base.exp_avg_sq", "p, rounded"])
    #expect((sync["steps"] as? [Int])?.prefix(3) == [2, 4, 6])
    #expect((sync["constants"] as? [Double])?.first == 1)
    #expect((sync["source"] as? String)?.contains("typedef unsigned short half_bits;") == true)
  }

  @Test(arguments: [
    (["lars", "--formula"], 69, "formula of 'lars': it has none"),
    (["lookahead(lamb)", "--formula"], 69, "formula of 'lamb': it has none"),
    (["lookahead", "--formula"], 64, "wraps 1 (base), not 0"),
    (["adam", "--language", "c"], 64, "add --formula"),
    (["adam", "--dtype", "float32"], 64, "add --formula"),
    (["adam", "--formula", "--step", "0"], 64, "steps 1 to 1000 can be shown"),
    (["adam", "--formula", "--language", "fortran"], 64, "fortran"),
    (["adam", "--formula", "--dtype", "int8"], 64, "int8"),
  ]) func refusals(_ arguments: [String], _ status: Int32, _ text: String) throws {
    let outcome = try program.start(["inspect"] + arguments).finish()
    #expect(outcome.status == status && outcome.error.contains(text), "\(outcome.error)")
    #expect(outcome.output.isEmpty)
  }
}
