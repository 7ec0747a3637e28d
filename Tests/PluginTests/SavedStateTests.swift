// What is saved, and what is refused when it does not fit.

import OptimizerHost
import TestSupport
import Testing

@Suite struct SavedStateTests {
  private func make(_ expression: String = "lookahead(k=3, adam)") throws -> Training<Float> {
    let training = try Training<Float>(
      expression, [Tensor("conv1.weight", [1, 2]), Tensor("conv1.bias", [3])])
    for _ in 1...4 { try training.step([[1, 1], [1]]) }
    return training
  }

  @Test func everyPieceHasItsName() throws {
    let state = try make().optimizer.state()
    #expect(
      Set(state.map(\.name))
        == Set(
          ["conv1.weight", "conv1.bias"].flatMap { name in
            ["step", "slow", "base.step", "base.exp_avg", "base.exp_avg_sq"].map { "\(name)/\($0)" }
          } + ["step", "state_version", "base.state_version"].map { "optimizer/\($0)" }
            + ["k", "alpha", "init", "momentum"].map { "optimizer/\($0)" }
            + ["lr", "beta1", "beta2", "eps", "weight_decay", "amsgrad", "maximize"].map {
              "optimizer/base.\($0)"
            }))
    let moment = try #require(state.first { $0.name == "conv1.weight/base.exp_avg" })
    #expect(moment.shape == [2] && moment.dtype == .float32 && moment.bytes.count == 8)
    let step = try #require(state.first { $0.name == "conv1.bias/base.step" })
    #expect(step.dtype == .int64 && step.shape.isEmpty && step.bytes == [4, 0, 0, 0, 0, 0, 0, 0])
  }

  private func refusal(_ change: (inout [NamedTensor]) -> Void) throws -> String {
    var state = try make().optimizer.state()
    change(&state)
    let training = try make()
    let before = training.optimizer.state()
    do {
      try training.optimizer.restore(state)
      return ""
    } catch {
      #expect(training.optimizer.state() == before, "a refused state must change nothing")
      return "\(error)"
    }
  }

  private func replace(_ state: inout [NamedTensor], _ name: String, _ make: (NamedTensor) -> NamedTensor) {
    for i in state.indices where state[i].name == name { state[i] = make(state[i]) }
  }

  @Test func aMissingTensorIsNamed() throws {
    let text = try refusal { $0.removeAll { $0.name == "conv1.weight/slow" } }
    #expect(text.contains("'conv1.weight/slow': is missing"))
  }

  @Test func aSurplusTensorIsNamed() throws {
    let text = try refusal {
      $0.append(NamedTensor(name: "conv2.weight/slow", dtype: .float32, shape: [1], bytes: [0, 0, 0, 0]))
    }
    #expect(text.contains("'conv2.weight/slow': belongs to no part of this optimizer"))
  }

  @Test func aTensorThatIsThereTwiceIsRefused() throws {
    #expect(try refusal { $0.append($0[0]) }.contains("is there twice"))
  }

  @Test func anotherShapeTypeOrLengthIsRefused() throws {
    let name = "conv1.weight/base.exp_avg"
    let changes: [(NamedTensor) -> NamedTensor] = [
      { NamedTensor(name: $0.name, dtype: $0.dtype, shape: [1, 2], bytes: $0.bytes) },
      { NamedTensor(name: $0.name, dtype: .int32, shape: $0.shape, bytes: $0.bytes) },
      { NamedTensor(name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: [1]) },
    ]
    for change in changes {
      #expect(try refusal { replace(&$0, name, change) }.contains("'\(name)': is "))
    }
  }

  @Test func aNegativeCounterIsRefused() throws {
    let text = try refusal {
      replace(&$0, "optimizer/step") {
        NamedTensor(name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: [UInt8](repeating: 255, count: 8))
      }
    }
    #expect(text.contains("is negative"))
  }

  @Test func anotherVersionOfSlotsIsRefused() throws {
    let text = try refusal {
      replace(&$0, "optimizer/base.state_version") {
        NamedTensor(name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: [9, 0, 0, 0, 0, 0, 0, 0])
      }
    }
    #expect(text.contains("was 9 when saved") && text.contains("libAdam"))
  }

  @Test func aValueOutsideItsRangeIsRefused() throws {
    let text = try refusal {
      replace(&$0, "optimizer/k") {
        NamedTensor(name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: [UInt8](repeating: 0, count: 8))
      }
    }
    #expect(text.contains("takes values from 1"))
  }

  @Test func structuralValuesMustAgree() throws {
    let saved = try make("lookahead(momentum=pullback, sgd(momentum=0.9))").optimizer.state()
    let other = try make("lookahead(momentum=none, sgd(momentum=0.9))")
    #expect(throws: OptimizerError.self) { try other.optimizer.restore(saved) }
  }

  @Test func hyperparametersComeBackUnlessTheCurrentOnesAreToHold() throws {
    let saved = try make("lookahead(k=3, adam(lr=0.25))")
    let resumed = try make("lookahead(k=7, adam(lr=0.5))")
    #expect(
      try resumed.optimizer.restore(saved.optimizer.state(), hyperparameters: .current) == [
        "hyperparameter 'k' was 3 when the state was saved and is 7 now",
        "hyperparameter 'base.lr' was 0.25 when the state was saved and is 0.5 now",
      ])
    #expect(try resumed.optimizer.value(of: "k") == 7)
    #expect(try resumed.optimizer.restore(saved.optimizer.state()).isEmpty)
    #expect(try resumed.optimizer.value(of: "k") == 3)
    #expect(resumed.optimizer.stepCount == 4)
  }

  /// A trainer may load weights after it has made the optimizer.
  @Test(arguments: [true, false]) func copiesAreTakenAtFirstUse(stepsFirst: Bool) throws {
    let training = try Training<Float>("lookahead(k=2, alpha=0.5, sgd(lr=1))", start: 7)
    training.tensors[0].values = [1]
    if !stepsFirst { #expect(training.state("w/slow") == [1]) }
    training.tensors[0].values = [stepsFirst ? 1 : 3]
    try training.step([[1]])
    #expect(training.state("w/slow") == [1])
    try training.step([[1]])
    // From 1 or 3, two steps of 1; halfway back to the copy.
    #expect(training.tensors[0].values == [stepsFirst ? 0 : 1])
  }
}
