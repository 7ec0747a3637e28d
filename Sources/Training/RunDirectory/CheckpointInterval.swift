// When a run takes a checkpoint by itself.

/// After so many steps or epochs, and after so much time.
public struct CheckpointInterval: Hashable, Sendable {
  public enum Unit: Hashable, Sendable {
    case steps, epochs
  }

  /// 1 or more.
  public let count: Int
  public let unit: Unit

  public init(count: Int, unit: Unit) {
    self.count = count
    self.unit = unit
  }

  public static let everyEpoch = CheckpointInterval(count: 1, unit: .epochs)

  /// `100` steps or `2e` epochs; nil for other texts.
  public init?(_ text: String) {
    let isEpochs = text.hasSuffix("e")
    guard let count = Int(isEpochs ? String(text.dropLast()) : text), count >= 1 else { return nil }
    self.init(count: count, unit: isEpochs ? .epochs : .steps)
  }

  /// As it is read.
  public var text: String { unit == .epochs ? "\(count)e" : "\(count)" }

  /// Whether a checkpoint is due at a pause.
  func isDue(at pause: Pause, _ position: Position) -> Bool {
    switch unit {
    case .steps: position.step % count == 0
    case .epochs: pause == .epoch && position.epoch % count == 0
    }
  }
}
