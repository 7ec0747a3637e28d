// The compiler of all tests that step by compiled programs: each program is compiled once.

import Foundation
import OptimizerHost
import TestSupport

enum Programs {
  /// With every warning an error.
  static let compiler: ProgramCompiler = {
    do { return try make() } catch { preconditionFailure("\(error)") }
  }()

  static let folder = CPlugin.folder.appendingPathComponent("programs").path

  /// A compiler that knows no more than what is in the folder.
  static func make(cc: String = "cc", folder: String = folder) throws -> ProgramCompiler {
    var environment = ProcessInfo.processInfo.environment
    environment["CC"] = "\(cc) -Wall -Wextra -Werror"
    return try ProgramCompiler(environment: environment, cache: ProgramCache(folder: folder))
  }
}
