// The help texts, word for word: a change of one is a change that users see.

import Foundation
import TestSupport
import Testing

@Suite struct HelpTests {
  @Test(arguments: ["list", "inspect", "new", "bench"]) func help(_ command: String) throws {
    let outcome = try Program("optplug").run(command, "--help")
    #expect(outcome.status == 0 && outcome.error == "")
    let file = Repository.file("Tests/OptplugTests/Fixtures/help-\(command).txt")
    #expect(try outcome.output == String(contentsOf: file, encoding: .utf8))
  }

  @Test func theRootNamesTheCommandsAndTheStatuses() throws {
    let program = try Program("optplug")
    let outcome = try program.run("--help")
    #expect(outcome.status == 0)
    for text in ["list", "inspect", "new", "bench", "Exit status: 0 success;", "69 a plugin cannot be"] {
      #expect(outcome.output.contains(text), "\(outcome.output)")
    }
    #expect(try program.run().output == outcome.output)
  }
}
