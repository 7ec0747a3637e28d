// A run's result, as a table and as JSON.

import Foundation
import Terminal
import Training

struct RunResult {
  private let architecture: String
  private let parameterCount: Int
  private let optimizer: String
  private let seed: UInt64
  private let threads: Int
  private let summary: TrainingSummary
  private let test: Evaluation

  init(trainer: Trainer, summary: TrainingSummary, test: Evaluation) {
    architecture = trainer.options.architecture.rawValue
    parameterCount = trainer.network.parameterCount
    optimizer = trainer.optimizerExpression
    seed = trainer.options.seed
    threads = trainer.options.threads
    self.summary = summary
    self.test = test
  }

  /// - Parameter saved: where the weights went.
  func table(saved: String?) -> String {
    var rows = [
      ("network", "\(architecture), \(Format.count(parameterCount, "parameter"))"), ("optimizer", optimizer),
    ]
    if let loss = summary.trainLoss, let accuracy = summary.trainAccuracy, let speed = summary.imagesPerSecond
    {
      rows += [
        (
          "epochs",
          "\(summary.epochs) in \(Format.duration(summary.seconds)), \(Format.count(Int(speed))) images/s"
        ),
        ("train loss", Format.decimal(loss, 4)),
        ("train accuracy", Format.percent(accuracy)),
      ]
    } else {
      rows.append(("epochs", "0"))
    }
    rows += [
      ("test loss", Format.decimal(test.loss, 4)),
      (
        "test accuracy",
        "\(Format.percent(test.accuracy)), \(Format.count(test.confusion.correct)) of \(Format.count(test.count))"
      ),
    ]
    if let saved { rows.append(("saved to", saved)) }
    return Format.table(rows)
  }

  /// One object on one line; values that no run produced are null.
  func json(withConfusion: Bool) throws -> String {
    let classes = 0..<test.confusion.classCount
    let content = Content(
      arch: architecture, optimizer: optimizer, epochs: summary.epochs, trainLoss: summary.trainLoss,
      testLoss: test.loss.isFinite ? test.loss : nil, testAccuracy: test.accuracy,
      imagesPerSecond: summary.imagesPerSecond, seed: seed, threads: threads,
      confusionMatrix: withConfusion
        ? classes.map { label in classes.map { test.confusion[label: label, prediction: $0] } } : nil)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(content), as: UTF8.self)
  }

  private struct Content: Encodable {
    let arch, optimizer: String
    let epochs: Int
    let trainLoss, testLoss: Double?
    let testAccuracy: Double
    let imagesPerSecond: Double?
    let seed: UInt64
    let threads: Int
    /// Rows are true classes, columns predictions; absent unless asked for.
    let confusionMatrix: [[Int]]?

    private enum CodingKeys: String, CodingKey {
      case arch, optimizer, epochs, seed, threads
      case trainLoss = "train_loss"
      case testLoss = "test_loss"
      case testAccuracy = "test_accuracy"
      case imagesPerSecond = "images_per_second"
      case confusionMatrix = "confusion_matrix"
    }

    /// Written out because the derived method leaves `nil` out instead of writing null.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(arch, forKey: .arch)
      try container.encode(optimizer, forKey: .optimizer)
      try container.encode(epochs, forKey: .epochs)
      try container.encode(trainLoss, forKey: .trainLoss)
      try container.encode(testLoss, forKey: .testLoss)
      try container.encode(testAccuracy, forKey: .testAccuracy)
      try container.encode(imagesPerSecond, forKey: .imagesPerSecond)
      try container.encode(seed, forKey: .seed)
      try container.encode(threads, forKey: .threads)
      try container.encodeIfPresent(confusionMatrix, forKey: .confusionMatrix)
    }
  }
}

/// Rows are true classes, columns predictions, both by number; names and recall stand at the end of each row.
func confusionTable(_ matrix: ConfusionMatrix, names: [String]) -> String {
  let classes = 0..<matrix.classCount
  let largest = classes.flatMap { label in classes.map { matrix[label: label, prediction: $0] } }.max() ?? 0
  let width = max("\(largest)".count, "\(matrix.classCount - 1)".count) + 1
  var lines = ["  confusion (rows: true class, columns: prediction)"]
  lines.append("  " + Format.right("", 4) + classes.map { Format.right("\($0)", width) }.joined())
  for label in classes {
    let cells = classes.map { prediction in
      let count = matrix[label: label, prediction: prediction]
      return Format.right(count == 0 ? "·" : "\(count)", width)
    }.joined()
    let recall = matrix.recall(label).map(Format.percent) ?? "–"
    let name = names[label] == "\(label)" ? "" : "  \(names[label])"
    lines.append("  " + Format.right("\(label)", 4) + cells + "  " + Format.right(recall, 8) + name)
  }
  return lines.joined(separator: "\n")
}
