// The confusion matrix against a table counted by hand.

import Testing
import Training

@Suite struct EvaluationTests {
  @Test func countsLabelsByRowAndPredictionsByColumn() {
    var matrix = ConfusionMatrix(classCount: 3)
    for (label, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 1)] {
      matrix.add(label: label, prediction: prediction)
    }
    #expect(matrix.total == 6 && matrix.correct == 3 && matrix.accuracy == 0.5)
    #expect(matrix[label: 0, prediction: 1] == 1 && matrix[label: 1, prediction: 0] == 0)
    #expect(matrix.recall(0) == 2.0 / 3 && matrix.recall(1) == 0.5 && matrix.recall(2) == 0)
    #expect(matrix.precision(0) == 1 && matrix.precision(1) == 1.0 / 3 && matrix.precision(2) == 0)
  }

  @Test func nothingCountedGivesNoShares() {
    let matrix = ConfusionMatrix(classCount: 2)
    #expect(matrix.accuracy == 0 && matrix.recall(0) == nil && matrix.precision(1) == nil)
    #expect(Evaluation(loss: 1, confusion: matrix).count == 0)
  }
}
