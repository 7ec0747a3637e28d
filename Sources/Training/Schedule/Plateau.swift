// The schedule that follows what validation finds instead of the time.

/// Lowers the learning rate when the validation loss has stopped falling, as PyTorch's `ReduceLROnPlateau` with a
/// relative threshold.
public struct Plateau: Hashable, Sendable {
  /// By which the learning rate is multiplied, in 0..<1.
  public var factor = 0.1
  /// Epochs without a better loss that are let pass, 0 or more; the next one lowers the learning rate. Epochs that begin
  /// within a warm-up do not count.
  public var patience = 10
  /// A loss is better when it is below `(1 − threshold) ·` the best; 0..<1.
  public var threshold = 1e-4
  /// Epochs after a reduction that do not count, 0 or more.
  public var cooldown = 0
  /// No learning rate is lowered below it.
  public var minimum = 0.0

  public init() {}

  /// The learning rate after a number of reductions. One that would change it by less than 1e-8 is left out.
  func learningRate(base: Double, reductions: Int) -> Double {
    var rate = base
    for _ in 0..<reductions {
      let lower = max(rate * factor, minimum)
      guard rate - lower > 1e-8 else { break }
      rate = lower
    }
    return rate
  }
}

/// What a ``Plateau`` remembers from epoch to epoch.
public struct PlateauState: Hashable, Codable, Sendable {
  /// How often the learning rate was lowered.
  public internal(set) var reductions = 0
  private var best: Double?
  private var badEpochs = 0
  private var cooldown = 0

  public init() {}

  /// Takes note of an epoch's validation loss.
  mutating func judge(_ loss: Double, by rule: Plateau) {
    if loss < (best ?? .infinity) * (1 - rule.threshold) {
      best = loss
      badEpochs = 0
    } else {
      badEpochs += 1
    }
    if cooldown > 0 {
      cooldown -= 1
      badEpochs = 0
    }
    if badEpochs > rule.patience {
      reductions += 1
      cooldown = rule.cooldown
      badEpochs = 0
    }
  }
}
