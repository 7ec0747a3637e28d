// Each kind of failure has its exit status and a message that names the thing, and leaves stdout empty.

import Foundation
import TestSupport
import Testing

@Suite struct ExitStatusTests {
  private let program: Program

  init() throws { program = try Program("optplug") }

  @Test(arguments: [
    (["dance"], 64, "dance"), (["list", "extra"], 64, "extra"), (["inspect"], 64, "name|path"),
    (["inspect", "sgd("], 64, "sgd("), (["inspect", "nobody"], 69, "nobody"),
    (["inspect", "./missing.so"], 69, "missing.so"), (["bench", "adam(lr=fast)"], 64, "fast"),
    (["bench", "adam", "--params", "0"], 64, "--params 0"),
    (["bench", "adam", "--threads", "0"], 64, "--threads 0"),
    (["bench", "nobody"], 69, "nobody"), (["new", "thing"], 64, "--language"),
    (["new", "Thing", "--language", "c"], 64, "Thing"),
    (["new", "a/b", "--language", "c"], 64, "a/b"), (["new", "thing", "--language", "ada"], 64, "ada"),
    (["new", "testing", "--language", "swift"], 64, "module Testing"),
    (["new", "thing", "--language", "c", "--optplug", "/nowhere"], 64, "/nowhere"),
    (["new", "thing", "--language", "swift", "--optplug", "/nowhere"], 64, "/nowhere"),
  ]) func statuses(arguments: [String], status: Int32, text: String) throws {
    let outcome = try program.start(arguments).finish()
    #expect(outcome.status == status, "\(outcome.error)")
    #expect(outcome.output == "")
    #expect(outcome.error.contains(text), "\(outcome.error)")
    #expect(try program.names() == [])
  }

  @Test func aFolderThatExistsStaysAsItIs() throws {
    try FileManager.default.createDirectory(atPath: program.path("thing"), withIntermediateDirectories: false)
    try program.write([1], to: "thing/file")
    let outcome = try program.run("new", "thing", "--language", "c")
    #expect(outcome.status == 73 && outcome.error.contains("thing cannot be made: it exists already"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: program.path("thing")) == ["file"])
  }

  @Test func insecurePluginsNeedAllowance() throws {
    try FileManager.default.copyItem(
      at: BuildProducts.plugin("SGD"), to: URL(fileURLWithPath: program.path("open.so")))
    #expect(chmod(program.path("open.so"), 0o666) == 0)
    let refused = try program.run("inspect", "./open.so")
    #expect(refused.status == 69 && refused.error.contains("is not safe to load"))
    #expect(try program.run("inspect", "./open.so", "--allow-insecure").status == 0)
  }
}
