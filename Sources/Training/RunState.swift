// What a run knows beside its tensors: where it is, and what it has seen so far.

/// Where a run is, counted from 0: the next step is number `stepInEpoch` of epoch `epoch`.
public struct Position: Hashable, Codable, Sendable {
  /// Epochs trained and validated.
  public internal(set) var epoch = 0
  /// Steps made of the epoch; all of them while its validation is still to come.
  public internal(set) var stepInEpoch = 0
  /// Steps made altogether.
  public internal(set) var step = 0
}

/// Sums over the images of an epoch so far.
struct EpochSums: Hashable, Codable, Sendable {
  var loss = 0.0
  var correct = 0
  var images = 0

  /// Mean loss per image, in nats; 0 for no images.
  var meanLoss: Double { loss / Double(max(1, images)) }
  /// Share of images classified rightly, 0…1.
  var accuracy: Double { Double(correct) / Double(max(1, images)) }
}

/// Everything beside the tensors that decides how a run goes on. A checkpoint holds it whole, so that whatever
/// is added here survives a resume.
public struct RunState: Hashable, Codable, Sendable {
  public internal(set) var position = Position()
  var sums = EpochSums()
  /// Of the last epoch with a step.
  var lastSums: EpochSums?
  /// The best epoch so far.
  public internal(set) var best: BestEpoch?
}

/// The epoch whose weights judge best: the highest accuracy on the validation images, and among equals the lowest
/// loss; on the training images where none are held back.
public struct BestEpoch: Hashable, Codable, Sendable {
  /// From 1.
  public let epoch: Int
  /// Steps made altogether at its end.
  public let step: Int
  /// 0…1.
  public let accuracy: Double
  /// Mean per image, in nats.
  public let loss: Double

  /// Whether it is better than what came before.
  func improves(on other: BestEpoch?) -> Bool {
    guard let other else { return true }
    return (accuracy, -loss) > (other.accuracy, -other.loss)
  }
}
