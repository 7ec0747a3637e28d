// What a plugin says of itself, as text and as JSON.

import Foundation
import TestSupport
import Testing

@Suite struct InspectTests {
  private let program: Program

  init() throws { program = try Program("optplug") }

  private func json(_ plugin: String) throws -> [String: Any] {
    let outcome = try program.run("inspect", plugin, "--json")
    #expect(outcome.status == 0, "\(outcome.error)")
    return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  private func optimizer(_ plugin: String) throws -> [String: Any] {
    let optimizers = try #require(try json(plugin)["optimizers"] as? [[String: Any]])
    #expect(optimizers.count == 1)
    return try #require(optimizers.first)
  }

  /// The slots of each sample parameter, as "name: role, dtype, bytes".
  private func slots(_ plugin: String) throws -> [[String]] {
    let plan = try #require(try optimizer(plugin)["plan"] as? [String: Any])
    return try #require(plan["parameters"] as? [[String: Any]]).map { parameter in
      try #require(parameter["slots"] as? [[String: Any]]).map { slot in
        "\(slot["name"] ?? ""): \(slot["role"] ?? ""), \(slot["dtype"] ?? ""), \(slot["bytes"] ?? "")"
      }
    }
  }

  @Test func theFile() throws {
    let adam = try json("adam")
    #expect(adam["file"] as? String == BuildProducts.plugin("Adam").path)
    #expect((adam["sha256"] as? String)?.count == 64)
    #expect(adam["abi_built"] as? String == "1.0" && adam["abi_required"] as? String == "1.0")
    #expect(adam["exports"] as? [String] == ["optplug_entry_v1"])
    #expect((adam["needed"] as? [String])?.contains("libc.so.6") == true)
  }

  /// A path means the whole file, a name one of its optimizers.
  @Test func pathsAndNames() throws {
    let whole = try json(BuildProducts.plugin("Adam").path)
    #expect((whole["optimizers"] as? [[String: Any]])?.map { $0["name"] as? String } == ["adam", "adamw"])
    #expect(try optimizer("adamw")["name"] as? String == "adamw")
    #expect(try optimizer("\(BuildProducts.plugin("Adam").path):adamw")["name"] as? String == "adamw")
  }

  @Test func stateFollowsTheSettings() throws {
    #expect(try slots("sgd") == [[], []])
    #expect(
      try slots("sgd(momentum=0.9)") == [
        ["momentum_buffer: first moment, float32, 524288"], ["momentum_buffer: first moment, float32, 2048"],
      ])
    #expect(try slots("adam(amsgrad=true)")[0].count == 3)
    // A wrapper's own, over a base that need not be named.
    #expect(try slots("lookahead")[1] == ["slow: parameter copy, float32, 2048"])
    #expect(
      try slots("lookahead(momentum=pullback, adam)")[1] == [
        "slow: parameter copy, float32, 2048", "slow_momentum: other, float32, 2048",
      ])
  }

  /// What only some optimizers ask for: sweeps with sums, working memory, elements per block, parameters left to a base.
  @Test func sweepsBlocksAndRoutes() throws {
    let lamb = try #require(try optimizer("lamb")["plan"] as? [String: Any])
    #expect(lamb["phases"] as? Int == 2 && lamb["reductions"] as? [String] == ["sum", "sum"])
    #expect(try slots("adam8bit")[0].contains("exp_avg_absmax: other, float32, 2048"))
    let muon = try #require(try optimizer("muon")["plan"] as? [String: Any])
    let parameters = try #require(muon["parameters"] as? [[String: Any]])
    #expect(parameters.map { $0["seen"] as? Bool } == [true, false])
    #expect(try program.run("inspect", "muon").output.contains("none: it is left to a base"))
  }

  @Test func hyperparametersAndExtensions() throws {
    let lookahead = try optimizer("lookahead")
    #expect(
      lookahead["extensions"] as? [String] == [
        "optplug.eval-view/1", "optplug.restart-bases/1", "optplug.formula/1",
      ])
    #expect(lookahead["bases"] as? [String] == ["base"])
    let settings = try #require(lookahead["hyperparameters"] as? [[String: Any]])
    #expect(settings.map { $0["name"] as? String } == ["k", "alpha", "init", "momentum"])
    #expect(settings[0]["kind"] as? String == "integer" && settings[0]["default"] as? String == "5")
    #expect(settings[1]["minimum"] as? Double == 0 && settings[1]["maximum"] as? Double == 1)
    #expect(settings[2]["choices"] as? [String] == ["copy", "lazy"])
    #expect(settings[2]["structural"] as? Bool == true)
  }

  @Test func textHasTheSameFacts() throws {
    let text = try program.run("inspect", "sgd(momentum=0.9)").output
    for part in [
      "Optimizer sgd", BuildProducts.plugin("SGD").path, "built with 1.0, needs 1.0", "optplug_entry_v1",
      "momentum_buffer  first moment  float32  as the parameter  524,288 bytes, 4 per element",
      "State of a 512×256 parameter of float32", "one sweep over the parameters", "default 0.001",
    ] { #expect(text.contains(part), "\(part) is not in\n\(text)") }
  }

  /// What cannot be planned is said; the rest is shown.
  @Test func aPlanThatFails() throws {
    let sgd = try optimizer("sgd(nesterov=true)")
    #expect(sgd["plan"] == nil)
    #expect((sgd["plan_problem"] as? String)?.contains("nesterov needs momentum") == true)
    #expect(try program.run("inspect", "sgd(nesterov=true)").output.contains("State cannot be planned"))
  }
}
