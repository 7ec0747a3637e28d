// The help text, word for word: a change of it is a change that users see.

import Foundation
import TestSupport
import Testing

@Suite struct HelpTests {
  @Test func help() throws {
    let outcome = try Program("convtrain").run("--help")
    #expect(outcome.status == 0 && outcome.error == "")
    // Made anew by: convtrain --help > Tests/ConvtrainTests/Fixtures/help.txt
    let expected = try String(
      contentsOf: Repository.file("Tests/ConvtrainTests/Fixtures/help.txt"), encoding: .utf8)
    #expect(outcome.output == expected)
  }

  @Test func usageErrorsShowTheUsage() throws {
    let outcome = try Program("convtrain").run("--epochs")
    #expect(outcome.status == 64 && outcome.output == "")
    #expect(outcome.error.contains("Usage: convtrain [<arch>] [<options>]"))
  }
}
