// A run's log lines as JSON and back.

import Foundation
import OptimizerHost

extension EventRecord {
  /// The record as one line of JSON, without a line end. Members are always in the same order, and a number reads back
  /// as the same bits.
  public var line: String {
    var line = JSONLine()
    switch self {
    case .step(let step):
      line.add("event", "step")
      line.add("epoch", step.epoch)
      line.add("step", step.step)
      line.add("loss", step.loss)
      line.add("lr", step.learningRate)
      line.add("accuracy", step.accuracy)
      line.add("images_per_second", step.imagesPerSecond)
      if step.isSynchronized { line.add("synchronized", true) }
      line.add("gradient_norm", step.gradientNorm)
    case .epoch(let epoch):
      line.add("event", "epoch")
      line.add("epoch", epoch.epoch)
      line.add("step", epoch.step)
      line.add("train_loss", epoch.trainLoss)
      line.add("train_accuracy", epoch.trainAccuracy)
      line.add("validation_loss", epoch.validationLoss)
      line.add("validation_accuracy", epoch.validationAccuracy)
      line.add("fast_validation_loss", epoch.fastValidationLoss)
      line.add("fast_validation_accuracy", epoch.fastValidationAccuracy)
      line.add("lr", epoch.learningRate)
      line.add("seconds", epoch.seconds)
      line.add("images_per_second", epoch.imagesPerSecond)
      line.add("best", epoch.isBest)
    case .checkpoint(let checkpoint):
      line.add("event", "checkpoint")
      line.add("epoch", checkpoint.epoch)
      line.add("step", checkpoint.step)
      line.add("file", checkpoint.file)
    case .test(let test):
      line.add("event", "test")
      line.add("loss", test.loss)
      line.add("accuracy", test.accuracy)
      line.add("count", test.count)
      line.add("confusion_matrix", test.confusionMatrix)
    }
    return line.text
  }

  /// Reads a line; nil for an event of a kind that this program does not know.
  /// - Throws: `DecodingError` for a line that is no such object.
  public static func reading(line: some StringProtocol) throws -> EventRecord? {
    try JSONDecoder().decode(Reading.self, from: Data(line.utf8)).record
  }

  /// What a line says, whatever its kind.
  private struct Reading: Decodable {
    let record: EventRecord?

    private enum Key: String, CodingKey {
      case event, epoch, step, loss, lr, accuracy, synchronized, seconds, best, file, count
      case imagesPerSecond = "images_per_second"
      case gradientNorm = "gradient_norm"
      case trainLoss = "train_loss"
      case trainAccuracy = "train_accuracy"
      case validationLoss = "validation_loss"
      case validationAccuracy = "validation_accuracy"
      case fastValidationLoss = "fast_validation_loss"
      case fastValidationAccuracy = "fast_validation_accuracy"
      case confusionMatrix = "confusion_matrix"
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      func number(_ key: Key) throws -> Double {
        try values.decodeNil(forKey: key) ? .nan : values.decode(Double.self, forKey: key)
      }
      func optional(_ key: Key) throws -> Double? { values.contains(key) ? try number(key) : nil }
      func count(_ key: Key) throws -> Int { try values.decode(Int.self, forKey: key) }
      func flag(_ key: Key) throws -> Bool { try values.decodeIfPresent(Bool.self, forKey: key) ?? false }
      record =
        switch try values.decode(String.self, forKey: .event) {
        case "step":
          .step(
            Step(
              epoch: try count(.epoch), step: try count(.step), loss: try number(.loss),
              accuracy: try number(.accuracy), learningRate: try optional(.lr),
              imagesPerSecond: try number(.imagesPerSecond), isSynchronized: try flag(.synchronized),
              gradientNorm: try optional(.gradientNorm)))
        case "epoch":
          .epoch(
            Epoch(
              epoch: try count(.epoch), step: try count(.step), trainLoss: try number(.trainLoss),
              trainAccuracy: try number(.trainAccuracy), validationLoss: try optional(.validationLoss),
              validationAccuracy: try optional(.validationAccuracy),
              fastValidationLoss: try optional(.fastValidationLoss),
              fastValidationAccuracy: try optional(.fastValidationAccuracy), learningRate: try optional(.lr),
              seconds: try number(.seconds), imagesPerSecond: try number(.imagesPerSecond),
              isBest: try flag(.best)))
        case "checkpoint":
          .checkpoint(
            Checkpoint(
              epoch: try count(.epoch), step: try count(.step),
              file: try values.decode(String.self, forKey: .file)))
        case "test":
          .test(
            Test(
              loss: try number(.loss), accuracy: try number(.accuracy), count: try count(.count),
              confusionMatrix: try values.decode([[Int]].self, forKey: .confusionMatrix)))
        default: nil
        }
    }
  }
}

/// Builds one JSON object, member by member.
struct JSONLine {
  private var members: [String] = []

  var text: String { "{" + members.joined(separator: ",") + "}" }

  mutating func add(_ name: String, _ value: String) { add(name, raw: jsonString(value)) }
  mutating func add(_ name: String, _ value: Int) { add(name, raw: "\(value)") }
  mutating func add(_ name: String, _ value: Bool) { add(name, raw: "\(value)") }
  mutating func add(_ name: String, _ value: [[Int]]) { add(name, raw: "\(value)".filter { $0 != " " }) }

  /// nil leaves the member out.
  mutating func add(_ name: String, _ value: Double?) {
    if let value { add(name, raw: value.isFinite ? "\(value)" : "null") }
  }

  private mutating func add(_ name: String, raw: String) { members.append("\"\(name)\":\(raw)") }
}
