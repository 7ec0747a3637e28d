// Saved weights: what is in them, that they come back, and that those of other networks are refused.

import ConvNet
import Datasets
import OptimizerHost
import Safetensors
import Testing
import Training

@Suite struct TrainedWeightsTests {
  @Test func comeBackThroughAFile() throws {
    let folder = try TemporaryFolder()
    let trainer = try smallTrainer(epochs: 2)
    _ = try trainer.train()
    let weights = try trainer.weights()
    try weights.write(to: folder.path("w.safetensors"))
    let read = try TrainedWeights(reading: folder.path("w.safetensors"))
    #expect(read == weights)
    let options = smallRun { $0.seed = 99 }
    let second = try Trainer(
      options, dataset: smallDigits, weights: (read, "w.safetensors"), events: Recorder())
    // Another seed means another split; the standardisation still is the one of the file.
    #expect(second.standardization == trainer.standardization)
    #expect(try second.test() == trainer.test())
  }

  @Test func holdEveryTensorAndItsContext() throws {
    let trainer = try smallTrainer(epochs: 0)
    let file = try trainer.weights().file
    let names = trainer.network.parameters.map(\.name) + trainer.network.buffers.map(\.name)
    #expect(file.tensors.map(\.name) == names)
    #expect(file.metadata["format"] == "pt" && file.metadata["arch"] == "lenet")
    #expect(file.metadata["input_shape"] == "1x28x28" && file.metadata["classes"] == "10")
    #expect(file.metadata["optimizer"] == trainer.optimizerExpression)
    #expect(file.metadata["mean"] == "\(trainer.standardization.mean[0])")
  }

  /// A Lookahead that never synchronises has its initial weights as slow weights: these are saved and judged.
  @Test func areTheEvaluationWeights() throws {
    let trainer = try smallTrainer(.init(expression: "lookahead(k=100000, adam)"))
    let initial = parameters(of: trainer)
    let before = try trainer.test()
    _ = try trainer.train()
    #expect(parameters(of: trainer) != initial, "the fast weights move")
    let saved = try trainer.weights().file
    for parameter in trainer.network.parameters {
      #expect(saved[name: parameter.name]?.shape == parameter.shape)
    }
    let bytes = trainer.network.parameters.flatMap { saved[name: $0.name]?.bytes ?? [] }
    #expect(bytes == initial.withUnsafeBytes { Array($0) })
    if trainer.network.buffers.isEmpty { #expect(try trainer.test() == before) }
  }

  private func differences(_ change: (inout SafetensorsFile) -> Void) throws -> [String] {
    var weights = try smallTrainer(epochs: 0).weights()
    change(&weights.file)
    do {
      _ = try Trainer(smallRun(), dataset: smallDigits, weights: (weights, "w"), events: Recorder())
      return []
    } catch TrainingError.otherWeights("w", let differences) {
      return differences
    }
  }

  @Test func ofOtherNetworksAreRefusedByName() throws {
    #expect(try differences { _ in } == [])
    #expect(
      try differences { $0.metadata["arch"] = "baseline" } == ["its architecture is baseline, not lenet"])
    #expect(try differences { $0.metadata["classes"] = "47" } == ["its number of classes is 47, not 10"])
    #expect(
      try differences { $0.metadata["input_shape"] = "3x32x32" } == ["its input is 3x32x32, not 1x28x28"])
    let name = try #require(try smallTrainer(epochs: 0).network.parameters.first).name
    #expect(try differences { $0.tensors.removeFirst() } == ["\(name) is missing"])
    let wrong = try differences { file in
      file.tensors[0] = NamedTensor(
        name: name, dtype: .float64, shape: [1], bytes: [UInt8](repeating: 0, count: 8))
    }
    #expect(wrong.count == 1 && wrong[0].hasPrefix("\(name) is [1], not ["))
    let extra = NamedTensor(name: "fc9.weight", dtype: .float32, shape: [0], bytes: [])
    #expect(try differences { $0.tensors.append(extra) } == ["fc9.weight is not in lenet"])
  }

  @Test func ofPyTorchNeedNoMetadata() throws {
    let counter = NamedTensor(
      name: "bn1.num_batches_tracked", dtype: .int64, shape: [], bytes: [UInt8](repeating: 0, count: 8))
    let result = try differences { file in
      file.metadata = ["format": "pt"]
      file.tensors.append(counter)
    }
    #expect(result == [])
  }

  @Test func withBadStandardisationAreRefused() throws {
    var weights = try smallTrainer(epochs: 0).weights()
    for value in ["", "1,2", "nan", "x"] {
      weights.file.metadata["deviation"] = value
      #expect {
        try Trainer(smallRun(), dataset: smallDigits, weights: (weights, "w"), events: Recorder())
      } throws: { error in
        if case TrainingError.malformedWeights("w", _) = error { true } else { false }
      }
    }
  }
}
