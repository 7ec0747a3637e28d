// Settings read off command lines and files mean the same to the parser.

import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import convtrain

@Suite struct SettingsTests {
  private let table = OptionTable.convtrain

  private func settings(_ tokens: String...) -> Settings { Settings(tokens: tokens, table) }

  @Test func readsWhatTheParserReads() {
    let read = settings(
      "resnet18", "--epochs", "3", "--lr=1e-3", "--lookahead", "--opt", "a=1", "--opt=b=2", "-q", "--resume",
      "-v", "--load=-odd")
    #expect(
      read.values == [
        "arch": .one("resnet18"), "epochs": .one("3"), "lr": .one("1e-3"), "lookahead": .flag,
        "opt": .several(["a=1", "b=2"]), "quiet": .flag, "verbose": .flag, "load": .one("-odd"),
      ])
    #expect(settings("--epochs", "1", "--epochs", "2").values == ["epochs": .one("2")])
    #expect(settings("--", "--epochs").values == ["arch": .one("--epochs")])
  }

  /// What the parser never sees, because settings come from a file, is refused in its words.
  @Test(arguments: [
    (["--bogus", "--foo=3"], "Unknown option '--bogus'."), (["--epoch=3"], "Did you mean '--epochs'?"),
    (["-z"], "Unknown option '-z'."), (["-qz"], "Unknown option '-qz'."),
    (["--epochs", "--run-dir", "j4"], "Missing value for '--epochs'."),
    (["--keep"], "Missing value for '--keep'."), (["--load", "-odd"], "Missing value for '--load'."),
    (["--lookahead=3"], "The option '--lookahead' does not take any value, but '3' was specified."),
    (["lenet", "mlp"], "Unexpected argument 'mlp'"),
    (["--keep", "2", "extra", "lenet", "mlp"], "2 unexpected arguments: 'lenet', 'mlp'"),
  ]) func judgedTokens(tokens: [String], message: String) throws {
    let error = #expect(throws: ValidationError.self) { try Settings(judging: tokens, table) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    // The parser refuses them too.
    #expect(throws: (any Error).self) { try Convtrain.parse(tokens) }
  }

  @Test func judgedTokensThatAreGood() throws {
    let read = try Settings(judging: ["mlp", "-qv", "--resume", "--epochs", "3", "--no-batch-norm"], table)
    #expect(
      read.values == [
        "arch": .one("mlp"), "quiet": .flag, "verbose": .flag, "epochs": .one("3"), "no-batch-norm": .flag,
      ])
  }

  /// Through a file and back, whatever the text is: names of files may look like numbers.
  @Test func filesKeepEveryText() throws {
    let folder = try TemporaryFolder()
    let all = settings(
      "--lr", "0.1", "--val-split", "0.0", "--save", "1.0", "--load", "007", "--seed", "18446744073709551615",
      "--weight-decay", "1e-05", "--opt", "x=\"é\\\n", "--trace", "", "--epochs", "10")
    let path = try folder.write("c.json", Array(all.json(table).utf8))
    let back = try Settings(configuration: path, table)
    for (name, value) in all.values where name != "val-split" {
      #expect(back.values[name] == value, "\(name)")
    }
    #expect(Settings.areEqual(back.values["val-split"], all.values["val-split"]))
    #expect(back.values.count == all.values.count)
  }

  /// Every option with a standard value can be written to a file and parsed again.
  @Test func standardsParse() throws {
    let standards = Settings(standardsOf: table)
    #expect(standards.values.count > 8)
    let command = try Convtrain.parse(standards.tokens(table))
    #expect(command.training.epochs == 8 && command.checkpoints.keep == 3)
  }

  /// Of a flag and its opposite one is in force, wherever they stand.
  @Test func laterFlagsUndoTheirOpposites() {
    #expect(settings("--batch-norm", "--no-batch-norm").values == ["no-batch-norm": .flag])
    #expect(settings("--no-batch-norm", "--batch-norm").values == ["batch-norm": .flag])
    let file = settings("--no-batch-norm", "--run-dir", "a", "--no-decay", "bias")
    let both = file.overridden(by: settings("--batch-norm", "--no-run-dir"))
    #expect(both.values == ["batch-norm": .flag, "no-run-dir": .flag, "no-decay": .one("bias")])
  }

  @Test func laterStatementsWin() {
    let first = settings("lenet", "--epochs", "3", "--opt", "a=1")
    let both = first.overridden(by: settings("mlp", "--epochs", "4", "--opt", "b=2"))
    #expect(
      both.values == ["arch": .one("mlp"), "epochs": .one("4"), "opt": .several(["a=1", "b=2"])])
    #expect(both.tokens(table) == ["mlp", "--epochs=4", "--opt=a=1", "--opt=b=2"])
  }
}
