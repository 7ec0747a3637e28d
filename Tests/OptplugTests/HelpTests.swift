// The help texts, word for word: a change of one is a change that users see.

import TestSupport
import Testing

@Suite struct HelpTests {
  @Test func aWordThatIsNoCommandIsAUsageError() throws {
    let outcome = try Program("optplug").run("dance")
    #expect(outcome.status == 64 && outcome.output == "")
    #expect(outcome.error.contains("dance"))
  }
}
