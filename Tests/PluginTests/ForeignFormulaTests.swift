// Formulas written by hand in C: right ones, and those that no host may believe.

import OptimizerHost
import TestSupport
import Testing

@Suite struct ForeignFormulaTests {
  private func training(_ flags: [String] = []) throws -> Training<Float> {
    let source = Repository.file("Tests/PluginTests/Foreign/formula.c")
    let plugin = try CPlugin.compile(source: source, flags: ["-O2", "-ffp-contract=off"] + flags)
    return try Training(
      "lookahead(k=2, \"\(plugin.path)\")", [Tensor("w", mixedValues(stream: 1, count: 100))])
  }

  @Test func aListByHandGivesTheBitsOfStep() throws {
    let (plain, fused) = (try training(), try training())
    let fusion = try Fusion(fused.optimizer)
    for number in 1...6 {
      let gradient = Tensor<Float>("g", mixedValues(stream: 10 + number, count: 100))
      try plain.step([gradient.values], scale: 0.5)
      try fused.optimizer.step(gradients: [gradient.pointer], gradientScale: 0.5, by: fusion)
      #expect(bits(fused) == bits(plain), "step \(number)")
      #expect(fused.optimizer.state() == plain.optimizer.state(), "step \(number)")
    }
  }

  @Test(arguments: [
    (["-DWRONG=1"], "operation 2 (code 2) names slot 1 of 1"),
    (["-DWRONG=2"], "operation 3 (code 3) reads constant 2 of 2"),
    (["-DWRONG=3"], "operation 4 (code 3) has operands beyond its 1; they must be 0"),
    (["-DWRONG=5"], "operation 5 (code 18) takes value 5, which does not come before it"),
    (["-DWRONG=6"], "operation 5 (code 18) takes value 4294967295, which does not come before it"),
    (["-DWRONG=7"], "operation 8 (code 17) takes value 7, a truth, for a number"),
    (["-DWRONG=8"], "operation 9 (code 82) gives the bases a gradient"),
    (["-DWRONG=9"], "operation 10 (code 81) takes value 9, but that operation makes none"),
    (["-DWRONG=10"], "operation 10 (code 81) names slot 64 of 1"),
    (["-DWRONG=11"], "operation 11 (code 80) sets what is set already"),
    (["-DWRONG=12"], "operation 11 (code 64) takes value 0, a number, for a truth"),
    (["-DWRONG=13"], "its list of operations is 8 bytes, which is too short"),
    (["-DWRONG=14"], "operations: 11 announced, none given"),
    (["-DWRONG=15"], "operations: the stride 12 is not a multiple of 8 from 16"),
    (["-DWRONG=17"], "constant 0 is not a number"),
    (["-DWRONG=18"], "operation 11 (code 81) sets what is set already"),
    (["-DWRONG=19"], "internal error"),
    (["-DWRONG=20"], "operation 2 (code 2) names slot 0, which is not the parameter's like"),
    (["-DCOUNT=4000000000u"], "operations: 4000000000 are more than 4096"),
    (["-DCONSTANTS=257"], "it has 257 constants, more than 256"),
  ]) func aListThatBreaksARuleIsRefused(_ flags: [String], _ problem: String) throws {
    let training = try training(flags)
    let fusion = try Fusion(training.optimizer)
    let before = training.tensors[0].values
    let gradient = Tensor<Float>("g", before)
    #expect {
      try training.optimizer.step(gradients: [gradient.pointer], by: fusion)
    } throws: { error in
      guard case OptimizerError.call("by-hand", "operations", let text) = error else { return false }
      return text.contains(problem)
    }
    #expect(training.tensors[0].values == before && training.optimizer.stepCount == 0)
    // Its own code is as good as before.
    try training.step([gradient.values])
  }

  /// Lists are constant: one that shrinks after it was checked is refused, not read beyond its end.
  @Test func aListThatChangesIsRefused() throws {
    let fusion = try Fusion(training(["-DWRONG=22"]).optimizer)
    for _ in 1...3 { _ = try fusion.launches(hasGradient: [true]) }
    #expect {
      try fusion.launches(hasGradient: [true])
    } throws: { "\($0)".contains("another number of constants than before") }
    #expect(throws: OptimizerError.self) { try fusion.launches(hasGradient: []) }
  }

  /// What is only unknown, or not there for this step, is no fault: the optimizer's own code serves.
  @Test(arguments: [
    (["-DWRONG=4"], "it has operation 999, which this host does not know; update the host"),
    (["-DWRONG=16"], "not supported"),
  ]) func aListThatIsNotThereIsNoFault(_ flags: [String], _ problem: String) throws {
    let fusion = try Fusion(training(flags).optimizer)
    #expect(throws: OptimizerError.formula("by-hand", problem: problem)) {
      try fusion.launches(hasGradient: [true])
    }
  }
}
