// How the learning rate falls over the epochs of a run.

/// Factors of the base learning rate, by the share of epochs that lie behind.
public struct Schedule: Hashable, Sendable {
  /// From `share` of the epochs on, the learning rate is `factor` times the base.
  public struct Milestone: Hashable, Sendable {
    /// 0…1.
    public let share: Double
    /// Times the base, not times the factor before.
    public let factor: Double

    public init(share: Double, factor: Double) {
      self.share = share
      self.factor = factor
    }
  }

  /// In ascending order of their shares.
  public let milestones: [Milestone]
  /// Shorter runs keep the base learning rate throughout.
  public let minimumEpochs: Int

  public init(milestones: [Milestone], minimumEpochs: Int = 0) {
    self.milestones = milestones.sorted { $0.share < $1.share }
    self.minimumEpochs = minimumEpochs
  }

  /// The base learning rate throughout.
  public static let constant = Schedule(milestones: [])

  /// Half the base from 50 % of the epochs on, a tenth from 75 % on; for runs of four epochs or more.
  public static let standard = Schedule(
    milestones: [Milestone(share: 0.5, factor: 0.5), Milestone(share: 0.75, factor: 0.1)], minimumEpochs: 4)

  /// The factor in force during `epoch`, which counts from 0, of `epochs`.
  public func factor(epoch: Int, of epochs: Int) -> Double {
    guard epochs >= minimumEpochs else { return 1 }
    return milestones.last { Double(epoch) >= $0.share * Double(epochs) }?.factor ?? 1
  }

  /// What it does in a run of `epochs`, for tables: `×0.5 from epoch 5, ×0.1 from epoch 7` (epochs from 1).
  public func summary(epochs: Int) -> String {
    let changes = (0..<epochs).filter { epoch in
      factor(epoch: epoch, of: epochs) != (epoch == 0 ? 1 : factor(epoch: epoch - 1, of: epochs))
    }
    guard !changes.isEmpty else { return "constant" }
    return changes.map { "×\(factor(epoch: $0, of: epochs)) from epoch \($0 + 1)" }.joined(separator: ", ")
  }
}
