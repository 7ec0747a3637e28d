// Log lines are JSON of a fixed form, and read back as they were.

import Foundation
import Testing
import Training

@Suite struct EventRecordTests {
  private let step = EventRecord.Step(
    epoch: 2, step: 70, loss: 0.1 + 0.2, accuracy: 0.5, learningRate: .leastNonzeroMagnitude,
    imagesPerSecond: 1e21,
    isSynchronized: true, gradientNorm: 3)

  @Test func aStepHasThisForm() {
    #expect(
      EventRecord.step(step).line
        == #"{"event":"step","epoch":2,"step":70,"loss":0.30000000000000004,"lr":5e-324,"accuracy":0.5,"#
        + #""images_per_second":1e+21,"synchronized":true,"gradient_norm":3.0}"#)
  }

  @Test func everyKindComesBack() throws {
    let epoch = EventRecord.Epoch(
      epoch: 1, step: 63, trainLoss: 1, trainAccuracy: 0.25, validationLoss: 2, validationAccuracy: 0.125,
      fastValidationLoss: 3, fastValidationAccuracy: 0.0625, learningRate: 0.1, seconds: 1.5,
      imagesPerSecond: 10, isBest: true)
    let records: [EventRecord] = [
      .step(step), .step(.init(epoch: 1, step: 1, loss: 2, accuracy: 1, imagesPerSecond: 1)), .epoch(epoch),
      .epoch(.init(epoch: 1, step: 1, trainLoss: 1, trainAccuracy: 0, seconds: 1, imagesPerSecond: 1)),
      .checkpoint(.init(epoch: 1, step: 63, file: "checkpoints/\"ö\n.safetensors")),
      .test(.init(loss: 1, accuracy: 0.5, count: 4, confusionMatrix: [[1, 1], [1, 1]])),
    ]
    for record in records {
      #expect(try EventRecord.reading(line: record.line) == record, "\(record.line)")
      // What Foundation reads is what other programs read.
      #expect(try JSONSerialization.jsonObject(with: Data(record.line.utf8)) is [String: Any])
    }
  }

  @Test func whatIsNotFiniteIsNull() throws {
    for value in [Double.nan, .infinity, -.infinity] {
      let line = EventRecord.step(
        .init(epoch: 1, step: 1, loss: value, accuracy: 0, learningRate: value, imagesPerSecond: 1)
      ).line
      #expect(line.contains(#""loss":null,"lr":null"#))
      guard case .step(let read)? = try EventRecord.reading(line: line) else {
        Issue.record("no step: \(line)")
        return
      }
      #expect(read.loss.isNaN && read.learningRate?.isNaN == true && read.gradientNorm == nil)
    }
  }

  @Test func otherKindsAreLeftToOtherPrograms() throws {
    #expect(try EventRecord.reading(line: #"{"event":"wish","epoch":1}"#) == nil)
    for line in ["", "{", #"{"event":"step"}"#, #"{"event":"step","epoch":1,"step":"#, "[]"] {
      #expect(throws: DecodingError.self) { try EventRecord.reading(line: line) }
    }
  }
}
