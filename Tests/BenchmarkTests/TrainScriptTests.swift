// The Python side of `Benchmarks/run train`: what it makes of measured times. Its tests need no packages.

import Foundation
import TestSupport
import Testing

@Suite struct TrainScriptTests {
  private static let folder = Repository.file("Tests/BenchmarkTests/Train")

  /// What the benchmarks need, see Benchmarks/run.
  private static let hasPython =
    (try? Compiler("python3").output(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])) != nil

  private static let modules = ["cases", "crew", "measure", "options", "report", "results", "shares"]

  @Test(.enabled(if: hasPython), arguments: modules) func pythonTestsPass(of module: String) throws {
    let said = try Compiler("env").output([
      "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=\(Repository.file("Benchmarks").path)", "python3", "-P", "-m",
      "unittest", "discover", "-s", Self.folder.path, "-p", "test_\(module).py",
    ])
    #expect(said.hasSuffix("\nOK\n") && !said.contains("Ran 0 tests"), "\(said)")
  }

  @Test func everyPythonTestIsRun() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(files.filter { $0.hasPrefix("test_") }.sorted() == Self.modules.map { "test_\($0).py" })
  }
}
