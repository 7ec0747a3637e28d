// The schedule against its closed form.

import Testing
import Training

@Suite struct ScheduleTests {
  @Test func standardHalvesAtHalfAndTenthsAtThreeQuarters() {
    for epochs in 4...60 {
      for epoch in 0..<epochs {
        let expected = 4 * epoch >= 3 * epochs ? 0.1 : 2 * epoch >= epochs ? 0.5 : 1
        #expect(Schedule.standard.factor(epoch: epoch, of: epochs) == expected, "epoch \(epoch) of \(epochs)")
      }
    }
  }

  @Test(arguments: 1...3) func shortRunsKeepTheBase(epochs: Int) {
    for epoch in 0..<epochs { #expect(Schedule.standard.factor(epoch: epoch, of: epochs) == 1) }
    #expect(Schedule.standard.summary(epochs: epochs) == "constant")
  }

  @Test func constantIsConstant() {
    for epoch in 0..<20 { #expect(Schedule.constant.factor(epoch: epoch, of: 20) == 1) }
  }

  @Test func factorsAreOfTheBaseWhateverTheOrderGiven() {
    let schedule = Schedule(milestones: [.init(share: 0.8, factor: 0.01), .init(share: 0, factor: 0.2)])
    #expect((0..<5).map { schedule.factor(epoch: $0, of: 5) } == [0.2, 0.2, 0.2, 0.2, 0.01])
  }

  @Test func summaryCountsEpochsFromOne() {
    #expect(Schedule.standard.summary(epochs: 8) == "×0.5 from epoch 5, ×0.1 from epoch 7")
    #expect(Schedule.standard.summary(epochs: 0) == "constant")
  }
}
