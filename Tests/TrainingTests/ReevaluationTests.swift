// Training with optimizers that evaluate the loss of a batch several times.

import Datasets
import OptimizerHost
import Testing
import Training

@Suite struct ReevaluationTrainingTests {
  /// SAM that looks no distance away sees the same gradient twice: the whole run is that of its base, dropout,
  /// running statistics and reported losses included.
  @Test func reachingNowhereIsTheBaseBitForBit() throws {
    func run(_ expression: String) throws -> (weights: TrainedWeights, losses: [Double]) {
      let recorder = Recorder()
      let options = smallRun(.init(expression: expression)) {
        $0.architecture = .baseline
        $0.limitBatches = 3
        $0.gradientClipping = .norm(0.5)
      }
      let trainer = try Trainer(options, dataset: smallDigits, events: recorder)
      _ = try trainer.train()
      return (try trainer.weights(), recorder.steps.map(\.loss))
    }
    let (plain, sam) = (try run("adam"), try run("sam(rho=0, adam)"))
    #expect(plain.losses.count == 3 && sam.losses == plain.losses)
    #expect(sam.weights.file.tensors == plain.weights.file.tensors)
    #expect(try run("sam(rho=0.05, adam)").weights.file.tensors != plain.weights.file.tensors)
  }

  @Test func lookaheadOverSAMLearns() throws {
    let dataset = BuiltinDigits.make(trainCount: 800, testCount: 200)
    let options = smallRun(.init(expression: "lookahead(sam(adamw))", learningRate: 1e-3), epochs: 2)
    let trainer = try Trainer(options, dataset: dataset, events: Recorder())
    let before = try trainer.test()
    _ = try trainer.train()
    let after = try trainer.test()
    #expect(before.accuracy < 0.3 && after.accuracy > 0.6, "\(before.accuracy) to \(after.accuracy)")
  }

  @Test func aLaterEvaluationThatDivergesIsReported() throws {
    let trainer = try smallTrainer(.init(expression: "sam(rho=1e30, sgd)"))
    #expect {
      try trainer.train()
    } throws: { error in
      guard case TrainingError.diverged(1, 1, let finding) = error else { return false }
      return finding.contains("the loss is")
    }
  }
}
