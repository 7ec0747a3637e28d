// A schedule in words, and which numbers it takes.

import Foundation

extension Schedule {
  /// What it does in a run, for tables; epochs and steps count from 1.
  public func summary(epochs: Int, stepsInEpoch: Int) -> String {
    let moment = Moment(step: 0, epoch: 0, stepsInEpoch: stepsInEpoch, epochs: epochs)
    var parts: [String] = []
    if let warmup, !hasOwnRise, moment.length(of: warmup, in: .step) > 0 {
      parts.append(
        "warm-up from ×\(Self.text(warmup.start)) over \(Self.steps(moment.length(of: warmup, in: .step)))")
    }
    parts.append(curve(moment))
    if let every { parts.append("set each \(every.rawValue)") }
    return parts.joined(separator: ", ")
  }

  private func curve(_ moment: Moment) -> String {
    let total = moment.end(in: .step)
    switch family {
    case .constant: return "constant"
    case .standard, .multistep: return jumps(moment)
    case .cosine(let minimum): return "cosine to \(Self.text(minimum)) over \(Self.steps(total)) in all"
    case .oneCycle(let cycle):
      let rise = moment.length(of: warmup ?? OneCycle.standardRise, in: .step)
      return "one cycle: from ×\(Self.text(1 / cycle.startDivisor)) up over \(Self.steps(rise)), down to "
        + "×\(Self.text(1 / cycle.startDivisor / cycle.endDivisor)) by step \(Self.count(total))"
    case .stableDecay(let decay):
      return "stable, then \(decay.shape.rawValue) to \(Self.text(decay.minimum)) over the last "
        + Self.steps((decay.share * total).rounded())
    case .plateau(let rule):
      let floor = rule.minimum > 0 ? ", not below \(Self.text(rule.minimum))" : ""
      return
        "×\(Self.text(rule.factor)) after more than \(rule.patience) epoch\(rule.patience == 1 ? "" : "s") without a lower validation loss"
        + floor
    }
  }

  /// Where the factor changes, warm-up left out.
  private func jumps(_ start: Moment) -> String {
    var plain = self
    plain.warmup = nil
    var moment = start
    var factor = 1.0
    var changes: [String] = []
    // A change between two epochs is looked for in steps only where steps count.
    let times = unit == .epoch ? start.epochs : start.epochs * start.stepsInEpoch
    for time in turns(times) where time < times {
      moment.epoch = unit == .epoch ? time : time / max(1, start.stepsInEpoch)
      moment.step = unit == .epoch ? time * start.stepsInEpoch : time
      let now = plain.learningRate(base: 1, at: moment)
      if now != factor {
        let place = unit == .epoch ? "epoch \(time + 1)" : "step \(Self.count(Double(time + 1)))"
        changes.append("×\(Self.text(now)) from \(place)")
      }
      factor = now
    }
    return changes.isEmpty ? "constant" : changes.joined(separator: ", ")
  }

  /// In order, the times at which the factor may change, and the first one: few, however long the run is.
  private func turns(_ times: Int) -> [Int] {
    let turns: [Int]
    switch family {
    case .standard: turns = [(times + 1) / 2, times - times / 4]
    case .multistep(let multistep): turns = multistep.milestones
    default: turns = []
    }
    return Set([0] + turns).sorted()
  }

  private static func text(_ value: Double) -> String { String(format: "%.6g", value) }

  private static func count(_ value: Double) -> String {
    var digits = Array("\(Int(value))")
    for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
    return String(digits)
  }

  private static func steps(_ value: Double) -> String {
    "\(count(value)) \(Int(value) == 1 ? "step" : "steps")"
  }

  /// Throws ``TrainingError/invalidOption(name:value:range:)`` where warm-up and decay do not both fit into the run.
  func validate(epochs: Int, stepsInEpoch: Int) throws(TrainingError) {
    let total = Double(epochs * stepsInEpoch)
    guard case .stableDecay(let decay) = family, let warmup, total > 0 else { return }
    let (rise, fall) = (warmup.steps(stepsInEpoch: stepsInEpoch, epochs: epochs), decay.share * total)
    guard rise + fall > total * (1 + 1e-9) else { return }
    throw .invalidOption(
      name: "the sum of warm-up and decay,", value: "\(Self.text(rise)) + \(Self.text(fall)) steps,",
      range: "at most the \(Self.steps(total)) of the run")
  }

  /// Throws ``TrainingError/invalidOption(name:value:range:)`` for the first number outside its range.
  func validate() throws(TrainingError) {
    func require(_ holds: Bool, _ name: String, _ value: Any, _ range: String) throws(TrainingError) {
      guard holds else { throw .invalidOption(name: name, value: "\(value)", range: range) }
    }
    func share(_ name: String, _ value: Double) throws(TrainingError) {
      try require((0...1).contains(value), name, value, "0…1")
    }
    func rate(_ value: Double) throws(TrainingError) {
      try require(value.isFinite && value >= 0, "least learning rate", value, "0 or more")
    }
    if let warmup {
      try share("start of the warm-up", warmup.start)
      switch warmup.length {
      case .steps(let steps): try require(steps >= 0, "warm-up", steps, "0 steps or more")
      case .epochs(let epochs):
        try require((0...1e6).contains(epochs), "warm-up", epochs, "0…1000000 epochs")
      case .share(let value): try share("warm-up", value)
      }
    }
    switch family {
    case .constant, .standard: break
    case .multistep(let multistep):
      try require(!multistep.milestones.isEmpty, "milestones", "of a schedule", "one or more")
      for milestone in multistep.milestones {
        try require(milestone >= 1, "milestone", milestone, "1 or more")
      }
      try require(multistep.gamma.isFinite && multistep.gamma > 0, "gamma", multistep.gamma, "above 0")
    case .cosine(let minimum): try rate(minimum)
    case .oneCycle(let cycle):
      for value in [cycle.startDivisor, cycle.endDivisor] {
        try require(value.isFinite && value > 0, "divisor of the cycle", value, "above 0")
      }
    case .stableDecay(let decay):
      try share("share of the decay", decay.share)
      try rate(decay.minimum)
    case .plateau(let rule):
      try require((0..<1).contains(rule.factor), "plateau factor", rule.factor, "0..<1")
      try require(rule.patience >= 0, "plateau patience", rule.patience, "0 or more")
      try require((0..<1).contains(rule.threshold), "plateau threshold", rule.threshold, "0..<1")
      try require(rule.cooldown >= 0, "plateau cooldown", rule.cooldown, "0 or more")
      try rate(rule.minimum)
      try require(every != .step, "schedule each", "step", "epoch: the plateau is judged after each epoch")
    }
  }
}
