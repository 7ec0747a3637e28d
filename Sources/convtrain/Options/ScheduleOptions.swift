// How the learning rate changes over a run.

import ArgumentParser
import Training

struct ScheduleOptions: ParsableArguments {
  enum Name: String, CaseIterable, ExpressibleByArgument {
    case constant, standard, multistep, cosine
    case oneCycle = "one-cycle"
    /// Warm-up–stable–decay.
    case wsd
    case plateau
  }

  @Option(
    help: ArgumentHelp(
      "Learning rate: standard is ×0.5 from half of the epochs on and ×0.1 from three quarters on, from four "
        + "epochs on; wsd is warm-up, stable, decay.", valueName: "name"))
  var schedule = Name.standard

  @Option(
    help: ArgumentHelp(
      "Rises linearly to the learning rate first: over steps (500), epochs (2e) or a share of the run (5%), at most "
        + "1e9 steps or 1e6 epochs. With one-cycle the length of its rise. (default: 30% for one-cycle, 5% for wsd, else none)",
      valueName: "length"))
  var warmup: WarmupLength?

  @Option(
    help: ArgumentHelp(
      "Where the warm-up starts, as a share of the learning rate, 0…1. (default: 0.01)", valueName: "share"))
  var warmupStart: Double?

  @Option(
    help: ArgumentHelp(
      "When the learning rate is set anew. (default: step for cosine, one-cycle, wsd and warm-ups, else epoch)",
      valueName: "step|epoch"))
  var scheduleEvery: ScheduleUnit?

  @Option(
    help: ArgumentHelp(
      "multistep: after how many epochs (or steps) the learning rate falls, 1…1e9 each, such as 30,60,80.",
      valueName: "list"))
  var milestones: Milestones?

  @Option(
    help: ArgumentHelp("multistep: factor at each milestone, above 0. (default: 0.1)", valueName: "factor"))
  var gamma: Double?

  @Option(
    help: ArgumentHelp(
      "cosine, wsd, plateau: least learning rate, 0 or more. (default: 0)", valueName: "rate"))
  var minLr: Double?

  @Option(
    help: ArgumentHelp(
      "one-cycle: starts at the learning rate divided by this, above 0. (default: 25)", valueName: "divisor"))
  var cycleStart: Double?

  @Option(
    help: ArgumentHelp(
      "one-cycle: ends at its start divided by this, above 0. (default: 10000)", valueName: "divisor"))
  var cycleEnd: Double?

  @Option(
    help: ArgumentHelp("wsd: share of the run that decays, 0…1. (default: 0.2)", valueName: "share"))
  var decayShare: Double?

  @Option(help: ArgumentHelp("wsd: how it decays. (default: linear)", valueName: "linear|cosine|sqrt"))
  var decayShape: DecayShape?

  @Option(help: ArgumentHelp("plateau: factor of a reduction, 0..<1. (default: 0.1)", valueName: "factor"))
  var plateauFactor: Double?

  @Option(
    help: ArgumentHelp(
      "plateau: epochs without a lower validation loss that are let pass, 0…1e9. (default: 10)",
      valueName: "count"))
  var plateauPatience: Int?

  @Option(
    help: ArgumentHelp(
      "plateau: share by which a loss must be lower to count, 0..<1. (default: 0.0001)", valueName: "share"))
  var plateauThreshold: Double?

  @Option(
    help: ArgumentHelp(
      "plateau: epochs after a reduction that do not count, 0…1e9. (default: 0)", valueName: "count"))
  var plateauCooldown: Int?

  func validate() throws {
    let owners: [(option: String, isGiven: Bool, names: [Name])] = [
      ("--milestones", milestones != nil, [.multistep]), ("--gamma", gamma != nil, [.multistep]),
      ("--min-lr", minLr != nil, [.cosine, .wsd, .plateau]),
      ("--cycle-start", cycleStart != nil, [.oneCycle]), ("--cycle-end", cycleEnd != nil, [.oneCycle]),
      ("--decay-share", decayShare != nil, [.wsd]), ("--decay-shape", decayShape != nil, [.wsd]),
      ("--plateau-factor", plateauFactor != nil, [.plateau]),
      ("--plateau-patience", plateauPatience != nil, [.plateau]),
      ("--plateau-threshold", plateauThreshold != nil, [.plateau]),
      ("--plateau-cooldown", plateauCooldown != nil, [.plateau]),
    ]
    for (option, isGiven, names) in owners where isGiven && !names.contains(schedule) {
      let needed = names.map(\.rawValue).joined(separator: " or ")
      throw ValidationError("\(option) needs --schedule \(needed); add it, or leave \(option) out")
    }
    if schedule == .multistep, milestones == nil {
      throw ValidationError("--schedule multistep needs --milestones, such as --milestones 30,60,80")
    }
    if schedule == .plateau, scheduleEvery == .some(.init(unit: .step)) {
      throw ValidationError(
        "--schedule plateau is judged after each epoch; leave --schedule-every step out")
    }
    if warmupStart != nil {
      guard schedule != .oneCycle else {
        throw ValidationError("--warmup-start is not for one-cycle; use --cycle-start instead")
      }
      guard warmup != nil || schedule == .wsd else {
        throw ValidationError("--warmup-start needs --warmup; add it, or leave --warmup-start out")
      }
    }
    func range(_ name: String, _ value: Double?, _ range: String, _ holds: (Double) -> Bool) throws {
      if let value { try require(value.isFinite && holds(value), name, value, range) }
    }
    try range("--warmup-start", warmupStart, "0 to 1") { (0...1).contains($0) }
    try range("--gamma", gamma, "above 0") { $0 > 0 }
    try range("--min-lr", minLr, "0 or more") { $0 >= 0 }
    try range("--cycle-start", cycleStart, "above 0") { $0 > 0 }
    try range("--cycle-end", cycleEnd, "above 0") { $0 > 0 }
    try range("--decay-share", decayShare, "0 to 1") { (0...1).contains($0) }
    try range("--plateau-factor", plateauFactor, "0 or more and below 1") { (0..<1).contains($0) }
    try range("--plateau-threshold", plateauThreshold, "0 or more and below 1") { (0..<1).contains($0) }
    try requireCount("--plateau-patience", plateauPatience, from: 0)
    try requireCount("--plateau-cooldown", plateauCooldown, from: 0)
  }

  var value: Schedule {
    var result = Schedule(family)
    let length = warmup?.length ?? (schedule == .wsd ? .share(0.05) : nil)
    result.warmup = length.map { length in
      var warmup = Warmup(length)
      if let warmupStart { warmup.start = warmupStart }
      return warmup
    }
    result.every = scheduleEvery?.unit
    return result
  }

  private var family: Schedule.Family {
    switch schedule {
    case .constant: return .constant
    case .standard: return .standard
    case .multistep: return .multistep(Multistep(milestones: milestones?.values ?? [], gamma: gamma ?? 0.1))
    case .cosine: return .cosine(minimum: minLr ?? 0)
    case .oneCycle:
      var cycle = OneCycle()
      if let cycleStart { cycle.startDivisor = cycleStart }
      if let cycleEnd { cycle.endDivisor = cycleEnd }
      return .oneCycle(cycle)
    case .wsd:
      var decay = StableDecay()
      if let decayShare { decay.share = decayShare }
      if let decayShape { decay.shape = decayShape.shape }
      if let minLr { decay.minimum = minLr }
      return .stableDecay(decay)
    case .plateau:
      var rule = Plateau()
      if let plateauFactor { rule.factor = plateauFactor }
      if let plateauPatience { rule.patience = plateauPatience }
      if let plateauThreshold { rule.threshold = plateauThreshold }
      if let plateauCooldown { rule.cooldown = plateauCooldown }
      if let minLr { rule.minimum = minLr }
      return .plateau(rule)
    }
  }
}
