// Schedules against their closed forms and against what PyTorch's schedulers do.

import Foundation
import Testing

@testable import Training

/// What scripts/fixtures/make_schedule_fixtures.py wrote.
private struct ScheduleFixture: Decodable {
  struct PlateauCase: Decodable {
    let factor, threshold, minimum: Double
    let patience, cooldown: Int
    let losses: [Double]
    /// After each loss, for each group.
    let rates: [[Double]]
  }

  let epochs, stepsInEpoch: Int
  let bases: [Double]
  /// For each step or epoch, and each group.
  let cases: [String: [[Double]]]
  let plateaus: [PlateauCase]

  static func load() throws -> ScheduleFixture {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/schedules.json")
    return try JSONDecoder().decode(ScheduleFixture.self, from: Data(contentsOf: file))
  }

  func moment(step: Int) -> Schedule.Moment {
    Schedule.Moment(step: step, epoch: step / stepsInEpoch, stepsInEpoch: stepsInEpoch, epochs: epochs)
  }
}

private func wsd(_ shape: StableDecay.Shape = .linear, minimum: Double = 0) -> Schedule.Family {
  var decay = StableDecay()
  decay.shape = shape
  decay.minimum = minimum
  return .stableDecay(decay)
}

private func cycle(start: Double = 25, end: Double = 1e4) -> Schedule.Family {
  var cycle = OneCycle()
  cycle.startDivisor = start
  cycle.endDivisor = end
  return .oneCycle(cycle)
}

@Suite struct ScheduleTests {
  private static let schedules: [(String, Schedule)] = [
    ("multistep per epoch", Schedule(.multistep(Multistep(milestones: [10, 3, 7], gamma: 0.3)))),
    ("multistep per step", Schedule(.multistep(Multistep(milestones: [11, 40])), every: .step)),
    (
      "multistep per step, warm-up",
      Schedule(
        .multistep(Multistep(milestones: [11, 40])), warmup: Warmup(.steps(7), start: 0.2), every: .step)
    ),
    ("step per epoch", Schedule(.multistep(Multistep(milestones: [4, 8], gamma: 0.5)))),
    ("cosine", Schedule(.cosine(minimum: 1e-3))),
    ("cosine per epoch", Schedule(.cosine(minimum: 0), every: .epoch)),
    ("cosine, warm-up", Schedule(.cosine(minimum: 0), warmup: Warmup(.epochs(2)))),
    (
      "cosine per epoch, warm-up",
      Schedule(.cosine(minimum: 0), warmup: Warmup(.epochs(2), start: 0.1), every: .epoch)
    ),
    ("constant, warm-up", Schedule(.constant, warmup: Warmup(.share(0.1), start: 0.5))),
    ("one-cycle", Schedule(cycle())),
    ("one-cycle of other divisors", Schedule(cycle(start: 10, end: 50), warmup: Warmup(.share(0.4)))),
    ("one-cycle per epoch", Schedule(cycle(), warmup: Warmup(.epochs(3)), every: .epoch)),
    ("one-cycle of a broken rise", Schedule(cycle(), warmup: Warmup(.share(0.33)))),
    ("one-cycle per epoch of a broken rise", Schedule(cycle(), every: .epoch)),
    ("one-cycle of a short rise", Schedule(cycle(), warmup: Warmup(.share(0.02)))),
    ("one-cycle of a rise below a step", Schedule(cycle(), warmup: Warmup(.share(0.01)))),
    ("wsd", Schedule(wsd(), warmup: Warmup(.share(0.05)))),
  ]

  @Test func agreesWithPyTorch() throws {
    let fixture = try ScheduleFixture.load()
    #expect(Set(Self.schedules.map(\.0)) == Set(fixture.cases.keys))
    for (name, schedule) in Self.schedules {
      let rates = try #require(fixture.cases[name])
      let perEpoch = rates.count == fixture.epochs
      for step in 0..<fixture.epochs * fixture.stepsInEpoch {
        let expected = rates[perEpoch ? step / fixture.stepsInEpoch : step]
        for (base, expected) in zip(fixture.bases, expected) {
          let found = schedule.learningRate(base: base, at: fixture.moment(step: step))
          // Theirs multiply their way from step to step.
          #expect(
            abs(found - expected) <= 1e-12 + 1e-9 * expected, "\(name), step \(step): \(found), \(expected)")
        }
      }
    }
  }

  @Test(arguments: 0..<3) func plateauAgreesWithPyTorch(number: Int) throws {
    let fixture = try ScheduleFixture.load()
    let expected = fixture.plateaus[number]
    var rule = Plateau()
    rule.factor = expected.factor
    rule.patience = expected.patience
    rule.threshold = expected.threshold
    rule.cooldown = expected.cooldown
    rule.minimum = expected.minimum
    let schedule = Schedule(.plateau(rule))
    var state = PlateauState()
    for (epoch, (loss, rates)) in zip(expected.losses, expected.rates).enumerated() {
      state.judge(loss, by: rule)
      // As a checkpoint would keep it.
      state = try JSONDecoder().decode(PlateauState.self, from: JSONEncoder().encode(state))
      for (base, rate) in zip(fixture.bases, rates) {
        let found = schedule.learningRate(base: base, at: fixture.moment(step: 0), plateau: state)
        #expect(abs(found - rate) <= 1e-12 * rate, "epoch \(epoch): \(found), \(rate)")
      }
    }
    #expect(state.reductions >= 2)
  }

  /// No loss is good enough: the second epoch that counts lowers the learning rate, and the warm-up's do not count.
  @Test(
    arguments: [
      (nil, Schedule.Unit?.none, 2), (Warmup.Length.epochs(3), nil, 5), (.steps(4), nil, 4),
      (.epochs(3), .epoch, 5),
    ] as [(Warmup.Length?, Schedule.Unit?, Int)])
  func plateauWaitsForTheWarmUp(length: Warmup.Length?, every: Schedule.Unit?, reduced: Int) throws {
    var rule = Plateau()
    rule.patience = 0
    rule.threshold = 0.999
    let recorder = Recorder()
    let options = smallRun(epochs: 6) {
      $0.architecture = .mlp
      $0.network.hiddenSizes = [2]
      $0.limitBatches = 3
      $0.schedule = Schedule(.plateau(rule), warmup: length.map { Warmup($0, start: 1) }, every: every)
    }
    let trainer = try Trainer(options, dataset: smallDigits, events: recorder)
    _ = try trainer.train()
    // The rate of the epoch after which it was lowered is still the first one.
    let rates = recorder.epochs.compactMap(\.learningRate)
    #expect(rates.firstIndex { $0 < rates[0] } == reduced, "\(rates)")
  }

  /// Decays that PyTorch does not have, by their formulas.
  @Test func decaysByOtherShapes() {
    func rates(_ shape: StableDecay.Shape) -> [Double] {
      let schedule = Schedule(wsd(shape, minimum: 0.5))
      return (0..<20).map {
        schedule.learningRate(base: 2, at: .init(step: $0, epoch: 0, stepsInEpoch: 20, epochs: 1))
      }
    }
    for shape in StableDecay.Shape.allCases {
      #expect(rates(shape).prefix(17).allSatisfy { $0 == 2 })
    }
    let shares = [0.25, 0.5, 0.75]
    for (found, share) in zip(rates(.sqrt).suffix(3), shares) {
      #expect(abs(found - (2 - 1.5 * share.squareRoot())) < 1e-12)
    }
    for (found, share) in zip(rates(.cosine).suffix(3), shares) {
      #expect(abs(found - (1.25 + 0.75 * cos(.pi * share))) < 1e-12)
    }
  }

  private func factor(_ schedule: Schedule, epoch: Int, of epochs: Int) -> Double {
    schedule.learningRate(
      base: 1, at: .init(step: epoch * 10, epoch: epoch, stepsInEpoch: 10, epochs: epochs))
  }

  @Test func standardHalvesAtHalfAndTenthsAtThreeQuarters() {
    for epochs in 4...60 {
      for epoch in 0..<epochs {
        let expected = 4 * epoch >= 3 * epochs ? 0.1 : 2 * epoch >= epochs ? 0.5 : 1
        #expect(factor(.standard, epoch: epoch, of: epochs) == expected, "epoch \(epoch) of \(epochs)")
      }
    }
  }

  @Test(arguments: 1...3) func shortRunsKeepTheBase(epochs: Int) {
    for epoch in 0..<epochs { #expect(factor(.standard, epoch: epoch, of: epochs) == 1) }
    #expect(Schedule.standard.summary(epochs: epochs, stepsInEpoch: 10) == "constant")
  }

  /// Runs of one step, warm-ups longer than the run, decays of nothing: always a finite rate up to the base.
  @Test func isSoundAtTheEdges() {
    let families: [Schedule.Family] = [
      .constant, .standard, .multistep(Multistep(milestones: [1])), .cosine(minimum: 0), cycle(), wsd(),
      .plateau(Plateau()),
    ]
    let warmups = [
      nil, Warmup(.steps(0)), Warmup(.steps(1000)), Warmup(.epochs(0.3)), Warmup(.share(1), start: 0),
    ]
    for family in families {
      for warmup in warmups {
        for every in [nil, Schedule.Unit.step, .epoch] {
          for (stepsInEpoch, epochs) in [(1, 1), (1, 5), (5, 1), (3, 4)] {
            let schedule = Schedule(family, warmup: warmup, every: every)
            for step in 0..<stepsInEpoch * epochs {
              let rate = schedule.learningRate(
                base: 0.25,
                at: .init(step: step, epoch: step / stepsInEpoch, stepsInEpoch: stepsInEpoch, epochs: epochs))
              #expect((0...0.25).contains(rate), "\(schedule) at step \(step): \(rate)")
            }
          }
        }
      }
    }
  }

  /// 10 steps: warm-up and decay may touch, but not overlap; rounding of the warm-up counts for nothing.
  @Test(arguments: [
    (Warmup.Length.share(0.5), 0.9, false), (.steps(9), 0.2, false), (.epochs(1.7), 0.2, false),
    (.share(0.1), 0.9, true), (.steps(8), 0.2, true), (.epochs(1.5), 0.25, true), (.share(0.7), 0.3, true),
  ])
  func warmUpAndDecayMustFit(length: Warmup.Length, share: Double, fits: Bool) throws {
    var decay = StableDecay()
    decay.share = share
    func trainer(epochs: Int) throws -> Trainer {
      try smallTrainer(epochs: epochs) {
        $0.architecture = .mlp
        $0.network.hiddenSizes = [2]
        $0.limitBatches = 5
        $0.schedule = Schedule(.stableDecay(decay), warmup: Warmup(length))
      }
    }
    if fits {
      _ = try trainer(epochs: 2)
    } else {
      #expect {
        try trainer(epochs: 2)
      } throws: { "\($0)".contains("steps, is out of range; use at most the 10 steps of the run") }
    }
    // Nothing is trained.
    _ = try trainer(epochs: 0)
  }

  @Test func saysWhatItDoes() {
    func summary(_ schedule: Schedule) -> String { schedule.summary(epochs: 8, stepsInEpoch: 500) }
    #expect(summary(.standard) == "×0.5 from epoch 5, ×0.1 from epoch 7")
    #expect(Schedule.standard.summary(epochs: 0, stepsInEpoch: 0) == "constant")
    #expect(
      summary(Schedule(.multistep(Multistep(milestones: [3, 6])), warmup: Warmup(.steps(500))))
        == "warm-up from ×0.01 over 500 steps, ×0.1 from epoch 4, ×0.01 from epoch 7")
    #expect(
      summary(Schedule(.cosine(minimum: 1e-5), every: .epoch))
        == "cosine to 1e-05 over 4,000 steps in all, set each epoch")
    #expect(
      summary(Schedule(cycle())) == "one cycle: from ×0.04 up over 1,200 steps, down to ×4e-06 by step 4,000")
    #expect(
      summary(Schedule(wsd(), warmup: Warmup(.share(0.05))))
        == "warm-up from ×0.01 over 200 steps, stable, then linear to 0 over the last 800 steps")
    #expect(
      summary(Schedule(.plateau(Plateau())))
        == "×0.1 after more than 10 epochs without a lower validation loss")
  }
}
