// Which misclassified images are kept for a report.

import Foundation
import Testing

@testable import Training

@Suite struct MistakeListTests {
  private func list(_ limit: Int, _ rows: [(label: Int, prediction: Int, logits: [Float])]) -> [Mistake] {
    var list = MistakeList(limit: limit)
    for (index, row) in rows.enumerated() {
      row.logits.withUnsafeBufferPointer {
        list.add(index: index, label: row.label, prediction: row.prediction, logits: $0[...])
      }
    }
    list.cut()
    return list.mistakes
  }

  /// exp(ln 6) : exp(ln 3) : exp(0) is 6 : 3 : 1, also far from zero, where exp alone overflows.
  @Test(arguments: [0, 1000, -1000] as [Float]) func probabilitiesAreSoftmax(offset: Float) {
    let logits = [Float(log(6.0)), Float(log(3.0)), 0].map { $0 + offset }
    let found = list(5, [(0, 0, logits), (2, 0, logits), (1, 0, logits)])
    #expect(found.map(\.index) == [1, 2], "what is right is no mistake; among equals the first")
    #expect(found.allSatisfy { $0.prediction == 0 && abs($0.probability - 0.6) < 1e-4 })
    #expect(abs(found[0].labelProbability - 0.1) < 1e-4 && abs(found[1].labelProbability - 0.3) < 1e-4)
  }

  /// More than the list holds between two cuts, in an order that has the surest in the middle.
  @Test func theSurestStay() {
    let count = 5000
    let rows = (0..<count).map { (label: 1, prediction: 0, logits: [Float($0 * 7919 % count) / 1000, 0]) }
    let found = list(60, rows)
    let expected = (0..<count).sorted { rows[$0].logits[0] > rows[$1].logits[0] }.prefix(60)
    #expect(found.map(\.index) == Array(expected))
    #expect(list(0, rows).isEmpty)
    #expect(list(9000, rows).count == count)
  }

  /// A slice of a batch's logits does not begin at zero.
  @Test func aRowOfABatchIsTakenByItsOwnIndices() {
    var list = MistakeList(limit: 1)
    let logits: [Float] = [9, 9, 9, 0, 2, 1]
    logits.withUnsafeBufferPointer { list.add(index: 4, label: 2, prediction: 1, logits: $0[3...]) }
    let total = 1 + exp(2.0) + exp(1.0)
    #expect(abs(list.mistakes[0].probability - exp(2.0) / total) < 1e-6)
    #expect(abs(list.mistakes[0].labelProbability - exp(1.0) / total) < 1e-6)
  }
}
