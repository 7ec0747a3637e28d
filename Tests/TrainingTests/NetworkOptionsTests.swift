// Choices within an architecture go into the weights' file and come back from it.

import ConvNet
import Testing
import Training

@Suite struct SavedNetworkOptionsTests {
  private func trainer(
    _ weights: TrainedWeights? = nil, architecture: Architecture = .mlp,
    change: (inout NetworkOptions) -> Void = { _ in }
  ) throws -> Trainer {
    let options = smallRun {
      $0.architecture = architecture
      change(&$0.network)
    }
    return try Trainer(
      options, dataset: smallDigits, weights: weights.map { ($0, "w") }, events: Recorder())
  }

  @Test func aFileTellsItsStructure() throws {
    let first = try trainer {
      $0.hiddenSizes = [12, 9]
      $0.batchNorm = true
    }
    let weights = try first.weights()
    #expect(weights.file.metadata["hidden_sizes"] == "12,9" && weights.file.metadata["batch_norm"] == "true")
    let second = try trainer(weights)
    #expect(second.network.options.hiddenSizes == [12, 9])
    #expect(parameters(of: second) == parameters(of: first))
    #expect(try smallTrainer().weights().file.metadata["hidden_sizes"] == nil)
  }

  /// Weights that were trained below averages are of no use below largest values.
  @Test func poolingIsPartOfTheStructure() throws {
    var weights = try trainer(architecture: .lenet) { $0.pooling = .average }.weights()
    #expect(weights.file.metadata["pooling"] == "average")
    #expect(try trainer(weights, architecture: .lenet).network.options.pooling == .average)
    func refusal(_ pooling: Pooling?) -> String {
      "\(#expect(throws: TrainingError.self) { try trainer(weights, architecture: .lenet) { $0.pooling = pooling } } as Any)"
    }
    #expect(refusal(.max).contains("its pooling is average, not max"))
    weights.file.metadata["pooling"] = "median"
    #expect(refusal(nil).contains("its pooling is median, neither max nor average"))
    // Files from before there was a choice.
    weights.file.metadata["pooling"] = nil
    #expect(try trainer(weights, architecture: .lenet).network.options.pooling == .max)
  }

  @Test func anotherStructureIsRefused() throws {
    let weights = try trainer { $0.hiddenSizes = [12, 9] }.weights()
    #expect {
      try trainer(weights) { $0.hiddenSizes = [12, 8] }
    } throws: { error in
      guard case TrainingError.otherWeights("w", let differences) = error else { return false }
      return differences.first == "its list of hidden sizes is 12,9, not 12,8"
    }
  }

  @Test(arguments: [("hidden_sizes", "12,x"), ("hidden_sizes", ""), ("batch_norm", "maybe")])
  func damagedStatementsAreRefused(key: String, value: String) throws {
    var weights = try trainer { $0.hiddenSizes = [12, 9] }.weights()
    weights.file.metadata[key] = value
    #expect {
      try trainer(weights)
    } throws: { error in
      if case TrainingError.malformedWeights("w", _) = error { true } else { false }
    }
  }
}
