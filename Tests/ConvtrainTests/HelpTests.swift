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

  /// A misspelt network or subcommand: what there is, and what was meant.
  @Test(arguments: [
    (["descrbe"], "'descrbe' is no network and no subcommand. Did you mean 'describe'?"),
    (["resnet8", "--epochs", "3"], "'resnet8' is no network and no subcommand. Did you mean 'resnet18'?"),
    (["help", "comprae"], "'comprae' is no subcommand. Did you mean 'compare'?"),
    (["train"], "Subcommands: describe, datasets, compare, report"),
  ])
  func wordsThatAreNothing(arguments: [String], message: String) throws {
    let program = try Program("convtrain")
    let outcome = try program.start(arguments).finish()
    #expect(outcome.status == 64 && outcome.output == "")
    #expect(outcome.error.contains(message), "\(outcome.error)")
    #expect((arguments[0] == "help") != outcome.error.contains("Networks: lenet, "), "\(outcome.error)")
  }

  @Test(arguments: ["describe", "datasets", "compare", "report"]) func subcommandsHaveHelp(name: String)
    throws
  {
    let (asked, flagged) = (
      try Program("convtrain").run("help", name), try Program("convtrain").run(name, "--help")
    )
    #expect(asked.status == 0 && asked.output == flagged.output && asked.output.hasPrefix("OVERVIEW: "))
  }

  /// Completions know the subcommands, the networks and the values of options.
  @Test(arguments: ["bash", "zsh", "fish"]) func completions(shell: String) throws {
    let script = try Program("convtrain").run("--generate-completion-script", shell).output
    for word in [
      "describe", "datasets", "compare", "report", "convnext-tiny", "one-cycle", "tensorboard-dir",
    ] {
      #expect(script.contains(word), "\(word)")
    }
  }
}
