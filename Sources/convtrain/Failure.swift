// Which exit status an error ends in: the one place that decides.

import ConvNet
import Datasets
import OptimizerHost
import Terminal
import Training

/// An error as the command line shows it.
struct Failure: Error {
  let status: ExitStatus
  let message: String

  init(_ error: any Error) {
    message = "\(error)"
    status =
      switch error {
      case let error as DatasetError: Self.status(error)
      case let error as TrainingError: Self.status(error)
      case let error as OptimizerError: ExitStatus(error)
      case let error as ConvNetError: Self.status(error)
      case is OutputError: .failedRun
      default: .internalError
      }
  }

  private static func status(_ error: DatasetError) -> ExitStatus {
    switch error {
    case .notFound, .missingFile, .unreadable: .missingInput
    case .ambiguous, .wrongKind, .badMagic, .headerTooShort, .emptyDimension, .tooLarge, .wrongLength,
      .truncatedGzip, .corruptGzip, .gzipTooShort, .gzipTooLong, .countMismatch, .shapeMismatch,
      .labelOutOfRange:
      .badData
    case .augmentation: .usage
    }
  }

  private static func status(_ error: TrainingError) -> ExitStatus {
    switch error {
    case .invalidOption, .noHyperparameter: .usage
    case .malformedWeights, .otherWeights: .badData
    case .notFound, .unreadable: .missingInput
    case .diverged, .unwritable: .failedRun
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
