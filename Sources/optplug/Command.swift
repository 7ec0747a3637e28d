// What all commands of optplug share: errors end in a line on stderr and an exit status, here and nowhere else.

import ArgumentParser
import OptimizerHost
import Terminal

/// A command of optplug. Implement `perform`; it may throw anything.
protocol Command: ParsableCommand {
  /// Does the work.
  /// - Throws: an `ExitCode` to end with one after everything has been said; any other error is shown.
  func perform() throws
}

extension Command {
  func run() throws {
    Console.prepare()
    do {
      try perform()
    } catch let code as ExitCode {
      throw code
    } catch let error as ValidationError {
      // The parser shows it with the command's usage.
      throw error
    } catch {
      Console.error("Error: \(error)")
      throw ExitStatus(ending: error).exitCode
    }
  }
}

extension ExitStatus {
  /// Which status an error ends in.
  init(ending error: any Error) {
    self =
      switch error {
      case let error as OptimizerError: ExitStatus(error)
      case is OutputError, is NoMemoryLimit: .failedRun
      case is CannotCreate: .cannotCreate
      default: .internalError
      }
  }
}
