// The training loop in C: builds against the library of this build, trains, and says what is wrong.

import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: Platform.usesELF)) struct TrainingLoopTests {
  private let folder: TemporaryFolder
  private let program: String

  init() throws {
    folder = try TemporaryFolder()
    program = folder.path("train")
    // By the names that an installed library has.
    for name in ["liboptplug.so", "liboptplug.so.1"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path(name), withDestinationPath: BuildProducts.plugin("OptPlugHost").path)
    }
    try Compiler.cc.run([
      "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I", Repository.file("include").path, "-o",
      program,
      Repository.file("Examples/training-loop-c/train.c").path, "-L\(folder.url.path)",
      "-Wl,-rpath,\(folder.url.path)", "-loptplug", "-lm",
    ])
  }

  @Test(arguments: [[], ["adam(lr=0.05)"], ["lookahead(k=5, adam(lr=0.05))"], ["sgd(lr=0.01, momentum=0.9)"]])
  func fitsTheLine(_ arguments: [String]) throws {
    // The program fails unless slope and offset are those of the line.
    let output = try Compiler(program).output(arguments)
    #expect(output.split(separator: "\n").count == 5 && output.contains("step 500"))
  }

  @Test(arguments: [
    ("adma", "Did you mean 'adam'"), ("lookahead(k=5, adma)", "Did you mean 'adam'"),
    ("adam(lr=fast)", "'fast' is not a value"), ("sam(sgd)", "reevaluate"),
  ])
  func saysWhatIsWrong(_ expression: String, _ words: String) throws {
    let failure = #expect(throws: CPlugin.Failure.self) { try Compiler(program).output([expression]) }
    #expect("\(failure as Any)".contains(words), "\(failure as Any)")
  }
}
