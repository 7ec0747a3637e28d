// The programs of docs/embedding.md: taken from its text, built as it says, and run.

import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: Platform.usesELF)) struct EmbeddingGuideTests {
  private let folder: TemporaryFolder
  private let arguments: [String]

  init() throws {
    folder = try TemporaryFolder()
    for name in ["liboptplug.so", "liboptplug.so.1"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path(name), withDestinationPath: BuildProducts.plugin("OptPlugHost").path)
    }
    // What pkg-config says of an installed library.
    arguments = [
      "-I", Repository.file("include").path, "-L\(folder.url.path)", "-Wl,-rpath,\(folder.url.path)",
      "-loptplug",
    ]
  }

  /// Writes the code block that names a file in its first line.
  private func write(_ name: String, _ language: String) throws -> String {
    let text = try String(contentsOf: Repository.file("docs/embedding.md"), encoding: .utf8)
    let blocks = text.components(separatedBy: "```\(language)\n").dropFirst()
      .compactMap { $0.components(separatedBy: "\n```").first }
    let block = try #require(blocks.first { $0.split(separator: "\n").first?.contains(" \(name): ") == true })
    return try folder.write(name, (block + "\n").utf8)
  }

  private let answer = "1.00 -2.00 3.00\n"

  @Test func inC() throws {
    let flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", folder.path("minimal")]
    try Compiler.cc.run(flags + [write("minimal.c", "c")] + arguments)
    #expect(try Compiler(folder.path("minimal")).output([]) == answer)
  }

  @Test func inCPlusPlus() throws {
    let flags = ["-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", folder.path("minimal")]
    try Compiler("c++").run(flags + [write("minimal.cpp", "cpp")] + arguments)
    #expect(try Compiler(folder.path("minimal")).output([]) == answer)
  }

  @Test(.enabled(if: Compiler("python3").isInstalled)) func inPython() throws {
    let output = try Compiler("env").output([
      "LD_LIBRARY_PATH=\(folder.url.path)", "python3", write("minimal.py", "python"),
    ])
    #expect(output == answer)
  }

  @Test(.enabled(if: Compiler("rustc").isInstalled)) func inRust() throws {
    try Compiler("rustc").run([
      write("minimal.rs", "rust"), "--edition", "2021", "-o", folder.path("minimal"), "-L", folder.url.path,
      "-C",
      "link-arg=-Wl,-rpath,\(folder.url.path)",
    ])
    #expect(try Compiler(folder.path("minimal")).output([]) == answer)
  }

  @Test func theSchedule() throws {
    _ = try write("schedule.h", "c")
    let source = """
      #include "schedule.h"
      int main(void) {
        optplug_host_options options = {.struct_size = sizeof options, .expression = "lookahead(sgd)"};
        optplug_host_optimizer *optimizer;
        uint32_t lr;
        double value = -1;
        if (optplug_host_open(&options, &optimizer, NULL) != OPTPLUG_OK) return 1;
        if (optplug_host_find(optimizer, "lr", &lr, NULL) != OPTPLUG_OK) return 2;
        if (schedule(optimizer, lr, 0.5, 50, 100, NULL) != OPTPLUG_OK) return 3;
        if (optplug_host_get(optimizer, lr, 0, &value, NULL) != OPTPLUG_OK) return 4;
        optplug_host_close(optimizer);
        return fabs(value - 0.25) < 1e-9 ? 0 : 5;
      }
      """
    let file = try folder.write("main.c", source.utf8)
    try Compiler.cc.run(
      ["-std=c99", "-Wall", "-Wextra", "-Werror", "-o", folder.path("main"), file] + arguments + ["-lm"])
    _ = try Compiler(folder.path("main")).output([])
  }
}
