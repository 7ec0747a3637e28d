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

  /// What bash offers at the end of a line.
  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash"), "there is no bash"),
    arguments: [
      ("", ["lenet", "describe", "datasets"]), ("describe ", ["lenet", "convnext-tiny"]),
      ("describe lenet --cl", ["--classes"]), ("datasets ", ["fetch", "verify"]),
      ("datasets fetch ", ["mnist", "cifar100"]), ("--monitor ", ["accuracy", "loss"]),
      ("lenet --no-decay ", ["bias", "norm", "bias,norm"]), ("--schedule-every ", ["step", "epoch"]),
      ("--config ", ["own.json"]), ("--load ", ["own.json", "weights"]),
      ("--resume ", ["own.json", "a-folder"]),
      ("--data ", ["a-folder"]), ("--run-dir ", ["a-folder"]), ("lenet --ep", ["--epochs"]),
    ])
  func whatBashOffers(line: String, words: [String]) throws {
    let program = try Program("convtrain")
    try program.write([], to: "own.json")
    try program.write([], to: "weights")
    try FileManager.default.createDirectory(
      atPath: program.path("a-folder"), withIntermediateDirectories: false)
    let script = try program.run("--generate-completion-script", "bash").output
    let asking = """
      complete() { :; }
      compopt() { :; }
      \(script)
      COMP_LINE=\"convtrain \(line)\"
      COMP_POINT=${#COMP_LINE}
      COMP_WORDS=(convtrain \(line))
      [[ \"$COMP_LINE\" = *\" \" ]] && COMP_WORDS+=('')
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _convtrain convtrain \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
      printf '%s\\n' \"${COMPREPLY[@]}\"
      """
    try program.write(Array(asking.utf8), to: "ask")
    let bash = Process()
    bash.executableURL = URL(fileURLWithPath: "/bin/bash")
    bash.arguments = ["-c", "bash ask > offered"]
    bash.currentDirectoryURL = program.folder.url
    try bash.run()
    bash.waitUntilExit()
    let offered = String(decoding: try program.contents("offered"), as: UTF8.self).split(separator: "\n")
    for word in words { #expect(offered.contains(Substring(word)), "\(line): \(offered)") }
    #expect(line != "describe " || !offered.contains("--epochs"), "\(offered)")
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
