// Which of several stated values of a hyperparameter is in force.

import Testing
import Training

@Suite struct OptimizerRequestTests {
  private func value(_ name: String, _ request: OptimizerRequest, group: Int = 0) throws -> Double {
    try smallTrainer(request).optimizer.value(of: name, group: group)
  }

  @Test func trainerDefaultsBeatThePlugins() throws {
    #expect(try value("lr", .init()) == 5e-4)
    #expect(try value("weight_decay", .init()) == 1e-4)
    #expect(try value("beta1", .init()) == 0.9)
    #expect(try value("lr", .init(expression: "lookahead(sgd)")) == 5e-4)
  }

  @Test func theExpressionBeatsTrainerDefaults() throws {
    let request = OptimizerRequest(expression: "lookahead(k=3, adam(lr=0.25))")
    #expect(try value("lr", request) == 0.25)
    #expect(try value("weight_decay", request) == 1e-4)
  }

  @Test func explicitValuesBeatTheExpression() throws {
    let request = OptimizerRequest(
      expression: "adam(lr=0.25, weight_decay=0.5)", learningRate: 0.125, weightDecay: 0)
    #expect(try value("lr", request) == 0.125)
    #expect(try value("weight_decay", request) == 0)
  }

  @Test func overridesBeatEverything() throws {
    let request = OptimizerRequest(
      expression: "adam(lr=0.25)", overrides: [("lr", "0.5"), ("beta1", "0.75")], learningRate: 0.125)
    #expect(try value("lr", request) == 0.5)
    #expect(try value("beta1", request) == 0.75)
  }

  @Test func unknownOverridesAreErrors() {
    #expect(throws: (any Error).self) { try smallTrainer(.init(overrides: [("learning_rate", "0.5")])) }
  }

  @Test func biasesAndNormsCanBeSpared() throws {
    let request = OptimizerRequest(weightDecay: 0.25, undecayed: [.bias, .norm])
    #expect(try value("weight_decay", request) == 0.25)
    #expect(try value("weight_decay", request, group: 1) == 0)
    #expect(try value("lr", request, group: 1) == 5e-4)
  }

  /// Without gradients but with weight decay, SGD shrinks the weights and leaves spared biases alone.
  @Test func sparedBiasesDoNotDecay() throws {
    let trainer = try smallTrainer(
      .init(expression: "sgd(lr=0.5)", weightDecay: 0.5, undecayed: [.bias, .norm]))
    let network = trainer.network
    for parameter in network.parameters {
      for index in parameter.values.indices {
        parameter.values[index] = 1
        parameter.gradient[index] = 0
      }
    }
    try trainer.optimizer.step(
      gradients: network.parameters.map { UnsafeRawPointer($0.gradient.baseAddress) })
    for parameter in network.parameters {
      #expect(parameter.values[0] == (parameter.kind == .weight ? 0.75 : 1), "\(parameter.name)")
    }
  }

  @Test(arguments: [TrainingOptions().optimizer.expression, "sgd"]) func optionsOutOfRange(expression: String)
  {
    let cases: [(inout TrainingOptions) -> Void] = [
      { $0.epochs = -1 }, { $0.batchSize = 0 }, { $0.threads = 0 }, { $0.validationFraction = 1 },
      { $0.gradientClipping = .norm(0) }, { $0.gradientClipping = .value(.nan) }, { $0.limitBatches = 0 },
      { $0.optimizer.learningRate = -1 }, { $0.optimizer.weightDecay = .infinity },
    ]
    for change in cases {
      #expect {
        try smallTrainer(.init(expression: expression), change: change)
      } throws: { error in
        if case TrainingError.invalidOption = error { true } else { false }
      }
    }
  }
}
