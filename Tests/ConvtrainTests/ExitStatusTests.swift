// Each kind of failure has its exit status and a message that names the thing, and leaves stdout empty.

import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct ExitStatusTests {
  private let program: Program

  init() throws {
    program = try Program("convtrain")
  }

  private func expect(
    _ status: Int32, naming texts: String..., running arguments: [String],
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try program.start(arguments).finish()
    #expect(outcome.status == status, "\(outcome.error)", sourceLocation: location)
    #expect(outcome.output == "", sourceLocation: location)
    for text in texts {
      #expect(outcome.error.contains(text), "\(outcome.error)", sourceLocation: location)
    }
  }

  @Test(arguments: [
    (["--epochs", "0"], "--epochs 0"), (["--batch-size", "70000"], "--batch-size 70000"),
    (["--lr", "fast"], "fast"), (["--lr=-1"], "--lr -1"), (["--val-split", "1"], "--val-split 1"),
    (["--grad-clip", "0"], "--grad-clip"), (["--grad-clip", "nan"], "--grad-clip"),
    (["--threads", "0"], "--threads"), (["--limit-batches", "0"], "--limit-batches"),
    (["--seed=-1"], "-1"), (["--weight-decay", "inf"], "--weight-decay"),
    (["alexnet5"], "alexnet5"), (["--colour"], "--colour"), (["lenet", "extra"], "extra"),
    (["--opt", "momentum"], "name=value"), (["--opt", "=1"], "name=value"),
    (["--lookahead", "--lookahead-k", "0"], "--lookahead-k 0"),
    (["--lookahead", "--lookahead-alpha", "1.5"], "--lookahead-alpha 1.5"),
  ]) func usageThatTheParserSees(arguments: [String], text: String) throws {
    try expect(64, naming: text, running: arguments)
  }

  @Test(arguments: ["--lookahead-k", "--lookahead-alpha"]) func lookaheadsOptionsNeedLookahead(name: String)
    throws
  {
    try expect(64, naming: "\(name) needs --lookahead", running: [name, "1"])
  }

  @Test(arguments: [
    (["--optimizer-plugin", "adam(lr="], "adam(lr="),
    (["--optimizer-plugin", "lookahead(adam"], "lookahead(adam"),
    (["--opt", "learning_rate=1"], "learning_rate"), (["--optimizer-plugin", "adam(betta1=0.5)"], "betta1"),
  ]) func usageThatTheOptimizerSees(arguments: [String], text: String) throws {
    try expect(64, naming: text, running: arguments)
  }

  @Test func pluginsThatCannotBeUsed() throws {
    try program.write(Array("not a shared object".utf8), to: "text.so")
    try expect(69, naming: "adamm", running: ["--optimizer-plugin", "adamm"])
    try expect(69, naming: "missing.so", running: ["--optimizer-plugin", "./missing.so"])
    try expect(69, naming: "text.so", running: ["--optimizer-plugin", "./text.so"])
    try expect(69, naming: "text.so", running: ["--optimizer-plugin", "./text.so", "--lookahead"])
  }

  @Test func missingInput() throws {
    try expect(66, naming: "nowhere", running: ["--data", "nowhere"])
    try expect(66, naming: "none.safetensors", running: ["--load", "none.safetensors"])
    try program.writeIDX(BuiltinDigits.make(trainCount: 20, testCount: 10), to: "digits")
    try FileManager.default.removeItem(atPath: program.path("digits/t10k-labels-idx1-ubyte"))
    try expect(66, naming: "digits", "t10k-labels-idx1-ubyte", running: ["--data", "digits"])
  }

  @Test func badData() throws {
    try program.writeIDX(BuiltinDigits.make(trainCount: 20, testCount: 10), to: "digits")
    try program.write([0, 0, 8, 3, 0], to: "digits/train-images-idx3-ubyte")
    try expect(65, naming: "train-images-idx3-ubyte", running: ["--data", "digits"])
    try program.write(Array("{}".utf8), to: "broken.safetensors")
    try expect(65, naming: "broken.safetensors", running: ["--load", "broken.safetensors"])
    let images = LabeledImages(
      shape: ImageShape(channels: 1, height: 8, width: 8), pixels: [UInt8](repeating: 9, count: 640),
      labels: [UInt8](0..<10))
    let small = Dataset(name: "small", classNames: (0..<10).map { "\($0)" }, train: images, test: images)
    try program.writeIDX(small, to: "small")
    try expect(65, naming: "lenet", "8x8", "12x12", running: ["--data", "small"])
  }

  @Test func divergence() throws {
    try expect(
      1, naming: "diverged in epoch 1, step", "finite",
      running: ["--optimizer-plugin", "sgd", "--lr", "1e30", "--limit-batches", "20"])
    #expect(try program.names() == [])
  }

  /// Found before training, not after it.
  @Test func unwritableResults() throws {
    for path in ["missing/w.safetensors", ".", "/dev/null"] {
      try expect(1, naming: path, running: ["--save", path, "--epochs", "1000000"])
    }
  }

  #if os(Linux)
    @Test func fullDiskBehindStdout() throws {
      let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
      let outcome = try program.start(["--limit-batches", "1", "--epochs", "1"], output: full).finish()
      #expect(outcome.status == 1 && outcome.error.contains("standard output"), "\(outcome.error)")
    }
  #endif
}
