// What a history keeps, and the curves made of it.

import Testing
import Training

@testable import Reporting

@Suite struct RunHistoryTests {
  /// The mean of all values so far for a slow decay, the values themselves for none.
  @Test func smoothingIsARunningMeanWithoutBias() {
    let few = (1...50).map { Chart.Point(Double($0), $0 % 2 == 0 ? 1 : 3) }
    #expect(RunHistory.smoothed(few) == few, "a fiftieth of 50 steps is one")
    let many = (1...200).map { Chart.Point(Double($0), 7) }
    for point in RunHistory.smoothed(many) { #expect(abs(point.y - 7) < 1e-12) }
    // n = 4: the second value is (3/4 · 0 + 1) / (3/4 + 1).
    let two = [Chart.Point(1, 0), Chart.Point(2, 1)] + many.dropFirst(2)
    #expect(abs(RunHistory.smoothed(two)[1].y - 4.0 / 7) < 1e-12)
  }

  @Test func aResumedRunReplacesWhatItMakesAgain() {
    var history = RunHistory()
    for step in 1...30 { history.add(.sample(step, epoch: (step - 1) / 10 + 1)) }
    for epoch in 1...3 { history.add(.sample(epoch, step: 10 * epoch)) }
    for step in 16...20 { history.add(.sample(step, epoch: 2, loss: 9)) }
    #expect(history.steps.map(\.step) == Array(1...20))
    #expect(history.steps[14].loss == 1 && history.steps[15].loss == 9)
    #expect(history.epochs.map(\.epoch) == [1])
    history.add(.sample(2, step: 20))
    #expect(history.epochs.map(\.epoch) == [1, 2])
  }

  @Test func synchronizationsAreMarked() {
    var history = RunHistory()
    for step in 1...12 { history.add(.sample(step, epoch: 1, isSynchronized: step % 5 == 0)) }
    #expect(history.lossChart.marks == [5, 10] && history.accuracyChart.marks == [5, 10])
    #expect(history.learningRateChart.isEmpty)
    #expect(history.charts.map(\.title) == ["Loss", "Accuracy"])
  }
}

extension EventRecord {
  static func sample(_ step: Int, epoch: Int, loss: Double = 1, isSynchronized: Bool = false) -> Self {
    .step(
      Step(
        epoch: epoch, step: step, loss: loss, accuracy: 0.5, imagesPerSecond: 100,
        isSynchronized: isSynchronized))
  }

  static func sample(_ epoch: Int, step: Int) -> Self {
    .epoch(
      Epoch(
        epoch: epoch, step: step, trainLoss: 1, trainAccuracy: 0.5, validationLoss: 1,
        validationAccuracy: 0.5, seconds: 1, imagesPerSecond: 100))
  }
}
