// Labels of images that were mixed of two reach the loss that training descends.

import Datasets
import Foundation
import Testing

@testable import Training

@Suite struct MixedLabelTests {
  /// Against cross-entropy by its definition, from logits of the same weights; SAM evaluates the batch twice, and reports
  /// the first.
  @Test(arguments: ["sgd", "sam(sgd)"]) func theLossIsThatOfBothLabels(expression: String) throws {
    let trainer = try smallTrainer(.init(expression: expression, learningRate: 0)) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [8]
      $0.augmentation.cutmix = 1
    }
    let batch = trainer.trainBatches.batch(epoch: 0, number: 0)
    #expect(batch.isMixed && batch.count == 32)
    let result = try trainer.step { $0 == 0 ? batch : nil }.result
    var (mixed, plain) = (0.0, 0.0)
    let fresh = try smallTrainer(.init(expression: "sgd", learningRate: 0)) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [8]
    }
    #expect(parameters(of: fresh) == parameters(of: trainer))
    _ = try fresh.network.trainStep(
      images: try #require(UnsafePointer(batch.images.baseAddress)),
      labels: try #require(UnsafePointer(batch.labels.baseAddress)), count: batch.count)
    let logits = fresh.network.logits.map(Double.init)
    for image in 0..<batch.count {
      let row = logits[image * 10..<(image + 1) * 10]
      let normalizer = log(row.reduce(0) { $0 + exp($1) })
      func loss(_ label: Int32) -> Double { normalizer - row[row.startIndex + Int(label)] }
      let share = Double(batch.shares[image])
      mixed += share * loss(batch.labels[image]) + (1 - share) * loss(batch.secondLabels[image])
      plain += loss(batch.labels[image])
    }
    #expect(abs(result.lossSum - mixed) < 1e-5 * mixed, "\(result.lossSum), not \(mixed)")
    #expect(abs(plain - mixed) > 1e-3 * mixed, "the batch tells mixed from plain labels")
  }
}
