// Which exit status an error ends in: the one place that decides.

import ArgumentParser
import ConvNet
import Datasets
import OptimizerHost
import Training

/// Exit statuses, after BSD's sysexits.h where there is one.
enum ExitStatus: Int32 {
  case failedRun = 1
  case usage = 64
  case badData = 65
  case missingInput = 66
  case pluginUnusable = 69
  case internalError = 70
  case interrupted = 130
  case terminated = 143

  var exitCode: ExitCode { ExitCode(rawValue) }
}

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
      case let error as OptimizerError: Self.status(error)
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
    }
  }

  private static func status(_ error: TrainingError) -> ExitStatus {
    switch error {
    case .invalidOption, .noHyperparameter: .usage
    case .unsupportedImages, .malformedWeights, .otherWeights: .badData
    case .notFound, .unreadable: .missingInput
    case .diverged, .unwritable: .failedRun
    }
  }

  private static func status(_ error: OptimizerError) -> ExitStatus {
    switch error {
    case .expression, .hyperparameter: .usage
    case .unknownOptimizer, .plugin, .parameters, .call: .pluginUnusable
    case .state: .badData
    case .norm, .tracing: .failedRun
    }
  }

  private static func status(_ error: ConvNetError) -> ExitStatus {
    switch error {
    case .configuration, .singleValuePerChannel: .usage
    case .inputShape, .label: .badData
    case .outOfMemory: .failedRun
    case .count, .device: .internalError
    }
  }
}
