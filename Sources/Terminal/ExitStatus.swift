// The exit statuses of the command lines, and what becomes of an optimizer's error.

import ArgumentParser
import OptimizerHost

/// Exit statuses, after BSD's sysexits.h where there is one.
public enum ExitStatus: Int32, Sendable {
  case failedRun = 1
  case usage = 64
  case badData = 65
  case missingInput = 66
  case pluginUnusable = 69
  case internalError = 70
  case cannotCreate = 73
  case interrupted = 130
  case terminated = 143

  public var exitCode: ExitCode { ExitCode(rawValue) }

  /// What a command ends with that an optimizer's error stopped.
  public init(_ error: OptimizerError) {
    self =
      switch error {
      case .expression, .hyperparameter: .usage
      case .unknownOptimizer, .plugin, .parameters, .call, .formula, .program: .pluginUnusable
      case .state: .badData
      case .gpu, .device: .pluginUnusable
      case .norm, .tracing: .failedRun
      }
  }
}
