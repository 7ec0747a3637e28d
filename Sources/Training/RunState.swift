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
  /// Epochs since the best one.
  public internal(set) var epochsWithoutGain = 0
  /// What a schedule that watches the validation loss remembers.
  var plateau = PlateauState()
  /// Time of training and validation so far, that of earlier processes of the run included.
  public internal(set) var secondsSpent = 0.0
}

/// By what epochs are compared.
public enum Monitor: String, CaseIterable, Hashable, Codable, Sendable {
  /// Higher is better; among equals the lower loss.
  case accuracy
  /// Lower is better; among equals the higher accuracy.
  case loss
}

/// The epoch whose weights judge best, by ``TrainingOptions/monitor``, on the validation images; on the training images
/// where none are held back.
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
  func improves(on other: BestEpoch?, by monitor: Monitor) -> Bool {
    guard let other else { return true }
    return switch monitor {
    case .accuracy: (accuracy, -loss) > (other.accuracy, -other.loss)
    case .loss: (-loss, accuracy) > (-other.loss, other.accuracy)
    }
  }
}
