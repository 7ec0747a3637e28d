// Which exit status an error ends in: the one place that decides.

import ConvNet
import Datasets
import OptimizerHost
import Reporting
import Terminal
import Training

/// An error as the command line shows it.
struct Failure: Error {
  let status: ExitStatus
  let message: String

  /// - Parameter remark: the end of the message.
  init(_ error: any Error, remark: String = "") {
    switch error {
    case let failure as Failure: self = failure
    case let choice as DamagedChoice:
      self.init(
        status: Self.status(of: choice.error),
        message: "\(choice.error); the newest one that is whole is \(choice.other)")
    case let error as TrainingError:
      self.init(status: Self.status(error), message: "\(error)\(Self.remedy(error))\(remark)")
    default: self.init(status: Self.status(of: error), message: "\(error)\(remark)")
    }
  }

  private init(status: ExitStatus, message: String) {
    self.status = status
    self.message = message
  }

  /// The option that helps, where the library cannot know it.
  private static func remedy(_ error: TrainingError) -> String {
    if case .needsValidation = error { "; give --val-split a larger share, such as 0.1" } else { "" }
  }

  private static func status(of error: any Error) -> ExitStatus {
    switch error {
    case is ConfigurationError: .usage
    case let error as DatasetError: Self.status(error)
    case let error as TrainingError: Self.status(error)
    case let error as OptimizerError: ExitStatus(error)
    case let error as ConvNetError: Self.status(error)
    case let error as ReportingError: Self.status(error)
    case is OutputError: .failedRun
    default: .internalError
    }
  }

  private static func status(_ error: DatasetError) -> ExitStatus {
    switch error {
    case .notFound, .missingFile, .unreadable, .noDataset, .notFetched: .missingInput
    case .ambiguous, .wrongKind, .badMagic, .headerTooShort, .emptyDimension, .tooLarge, .wrongLength,
      .truncatedGzip, .corruptGzip, .gzipTooShort, .gzipTooLong, .countMismatch, .shapeMismatch,
      .labelOutOfRange, .malformed, .unsuitable, .wrongChecksum:
      .badData
    case .transfer: .missingInput
    case .unwritable, .fetching: .failedRun
    case .augmentation: .usage
    }
  }

  private static func status(_ error: TrainingError) -> ExitStatus {
    switch error {
    case .invalidOption, .noHyperparameter, .noParameter, .needsValidation: .usage
    case .malformedWeights, .otherWeights, .damagedCheckpoint, .otherRun, .runDirectory:
      .badData
    case .notFound, .unreadable, .noCheckpoint: .missingInput
    case .runExists: .cannotCreate
    case .diverged, .unwritable, .locked: .failedRun
    }
  }

  private static func status(_ error: ReportingError) -> ExitStatus {
    switch error {
    case .noRun, .malformed: .badData
    case .unreadable: .missingInput
    case .unwritable: .failedRun
    }
  }

  private static func status(_ error: ConvNetError) -> ExitStatus {
    switch error {
    case .configuration, .option, .unusedOption, .singleValuePerChannel: .usage
    case .inputShape, .label: .badData
    case .outOfMemory: .failedRun
    case .count, .share, .nothingToReevaluate, .device: .internalError
    }
  }
}
