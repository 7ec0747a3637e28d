// How the learning rate changes over a run: which family of curves, a warm-up before it, and how often it is set.

/// What every learning rate of the optimizer is, given its base, at each moment of a run.
///
/// A pure function of the moment, so that a resumed run follows the same curve bit for bit; only
/// ``Family/plateau(_:)`` also looks at what validation has found, which ``PlateauState`` holds. Each parameter group and
/// each optimizer of the tree has a base of its own.
public struct Schedule: Hashable, Sendable {
  /// The curves, in what follows with `t` for the time and `T` for its end, both after the warm-up.
  public enum Family: Hashable, Sendable {
    /// The base throughout.
    case constant
    /// Half the base from 50 % of the run on, a tenth from 75 % on; the base throughout in runs of fewer than four
    /// epochs.
    case standard
    case multistep(Multistep)
    /// `minimum + (base − minimum) · (1 + cos(π t / T)) / 2`: Loshchilov and Hutter 2017, without restarts,
    /// <https://arxiv.org/abs/1608.03983>.
    case cosine(minimum: Double)
    case oneCycle(OneCycle)
    case stableDecay(StableDecay)
    case plateau(Plateau)
  }

  /// How often the learning rate is set anew.
  public enum Unit: String, CaseIterable, Hashable, Sendable {
    case step, epoch
  }

  public var family: Family
  /// Before the family's curve; for ``Family/oneCycle(_:)`` the length of its rise.
  public var warmup: Warmup?
  /// `nil`: what the family is commonly used with, and each step during the warm-up.
  public var every: Unit?

  public init(_ family: Family, warmup: Warmup? = nil, every: Unit? = nil) {
    self.family = family
    self.warmup = warmup
    self.every = every
  }

  /// The base learning rate throughout.
  public static let constant = Schedule(.constant)
  /// What the trainer does unless told otherwise.
  public static let standard = Schedule(.standard)

  /// The learning rate at a moment.
  /// - Parameters:
  ///   - base: 0 or more.
  ///   - plateau: what validation has found so far.
  public func learningRate(base: Double, at moment: Moment, plateau: PlateauState = PlateauState()) -> Double
  {
    let unit = unit
    let warmupUnit = every ?? .step
    // One-cycle rises by a curve of its own.
    if !hasOwnRise, let warmup {
      let length = moment.length(of: warmup, in: warmupUnit)
      if moment.time(in: warmupUnit) < length {
        return base * warmup.factor(at: moment.time(in: warmupUnit), of: length)
      }
    }
    let past = hasOwnRise ? 0 : warmup.map { moment.length(of: $0, in: unit) } ?? 0
    // A warm-up that ends within an epoch leaves that epoch's start behind it.
    let time = max(0, moment.time(in: unit) - past)
    let end = max(0, moment.end(in: unit) - past)
    switch family {
    case .constant: return base
    case .standard: return base * Self.standardFactor(at: moment, unit)
    case .multistep(let multistep): return base * multistep.factor(at: moment.time(in: unit))
    case .cosine(let minimum): return Curve.cosine(from: base, to: minimum, share: end > 0 ? time / end : 1)
    case .oneCycle(let cycle):
      // PyTorch's phases end between two steps where the share does.
      let rise = moment.length(of: warmup ?? OneCycle.standardRise, in: unit, isRounded: false)
      return cycle.learningRate(base: base, at: time, of: end, rise: rise)
    case .stableDecay(let decay):
      return decay.learningRate(base: base, at: moment.time(in: unit), of: moment.end(in: unit))
    case .plateau(let rule): return rule.learningRate(base: base, reductions: plateau.reductions)
    }
  }

  /// Whether a step is part of the warm-up, whose learning rate says nothing about the family's.
  func isWarmingUp(at moment: Moment) -> Bool {
    guard !hasOwnRise, let warmup else { return false }
    let unit = every ?? .step
    return moment.time(in: unit) < moment.length(of: warmup, in: unit)
  }

  /// Whether the learning rate may change within an epoch.
  var changesWithinEpochs: Bool { unit == .step || (every == nil && warmup != nil) }

  /// How often the family's curve is looked at.
  var unit: Unit {
    if let every { return every }
    switch family {
    case .constant, .standard, .multistep, .plateau: return .epoch
    case .cosine, .oneCycle, .stableDecay: return .step
    }
  }

  var hasOwnRise: Bool { if case .oneCycle = family { true } else { false } }

  private static func standardFactor(at moment: Moment, _ unit: Unit) -> Double {
    guard moment.epochs >= 4 else { return 1 }
    let share = (moment.time(in: unit), moment.end(in: unit))
    return share.0 >= 0.75 * share.1 ? 0.1 : share.0 >= 0.5 * share.1 ? 0.5 : 1
  }
}

extension Schedule {
  /// Where a run is, as far as a schedule cares. Steps and epochs count from 0.
  public struct Moment: Hashable, Sendable {
    /// Of the whole run.
    public var step, epoch: Int
    public var stepsInEpoch, epochs: Int

    public init(step: Int, epoch: Int, stepsInEpoch: Int, epochs: Int) {
      self.step = step
      self.epoch = epoch
      self.stepsInEpoch = stepsInEpoch
      self.epochs = epochs
    }

    func time(in unit: Unit) -> Double { Double(unit == .step ? step : epoch) }
    func end(in unit: Unit) -> Double { Double(unit == .step ? epochs * stepsInEpoch : epochs) }

    /// Whole steps unless told otherwise, or the same in epochs.
    func length(of warmup: Warmup, in unit: Unit, isRounded: Bool = true) -> Double {
      var steps = warmup.steps(stepsInEpoch: stepsInEpoch, epochs: epochs)
      if isRounded { steps.round() }
      return unit == .step ? steps : steps / Double(max(1, stepsInEpoch))
    }
  }
}
