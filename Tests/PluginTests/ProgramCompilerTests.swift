// Compilers that are not there or do not work, and programs that are damaged.

import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct ProgramCompilerTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func problem(_ environment: [String: String]) throws -> String {
    let error = #expect(throws: OptimizerError.self) { try ProgramCompiler(environment: environment) }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("program: ") && text.contains("install a C compiler"), "\(text)")
    return text
  }

  @Test func noCompiler() throws {
    #expect(try problem(["PATH": ""]).contains("the C compiler 'cc' is not there"))
    #expect(try problem([:]).contains("the C compiler 'cc' is not there"))
    #expect(
      try problem(["CC": "/nonexistent -m64"]).contains(
        "the C compiler '/nonexistent', which CC names, is not there"))
    // A folder is no compiler, nor is what lies in the current one.
    #expect(try problem(["CC": folder.url.path]).contains("is not there"))
    #expect(try problem(["CC": "script", "PATH": ".:"]).contains("is not there"))
    let script = try self.script("exit 3")
    #expect(try problem(["CC": script]).contains("\(script) --version failed"))
    let text = try folder.write("text", "no program\n".utf8)
    #expect(chmod(text, 0o755) == 0)
    #expect(try problem(["CC": text]).contains("\(text) cannot be started"))
  }

  private func script(_ body: String) throws -> String {
    let path = try folder.write("script", "#!/bin/sh\n\(body)\n".utf8)
    #expect(chmod(path, 0o755) == 0)
    return path
  }

  private func training(_ compiler: ProgramCompiler) throws -> Training<Float> {
    try Training("sgd(lr=0.5)", [Tensor("w", [1, 2])], compiler: compiler)
  }

  /// A step whose program cannot be compiled is taken by the optimizer's own code.
  @Test func aCompilerThatFails() throws {
    let script = try script(
      "[ \"$1\" = --version ] && exit 0; echo 'program.c:1: error: too hard' >&2; exit 1")
    let training = try training(
      ProgramCompiler(
        environment: ["CC": script, "PATH": "/bin:/usr/bin"],
        cache: ProgramCache(folder: folder.path("cache"))))
    try training.step([[1, 1]])
    #expect(training.tensors[0].values == [0.5, 1.5] && training.optimizer.stepCount == 1)
    #expect(
      training.optimizer.programProblem?.hasPrefix(
        "from step 1 on the optimizers' own code takes the steps: the C compiler \(script) failed "
          + "(program.c:1: error: too hard); install a C compiler") == true)
    #expect(!training.optimizer.usesPrograms)
  }

  /// What a compiler makes is looked at before it is loaded, and kept only if it is good for something.
  @Test(arguments: [
    ("echo text > \"$out\"", "is no whole shared object"),
    (
      "cc -shared -o \"$out\" -x c /dev/null; head -c 5000 \"$out\" > \"$out.x\"; mv \"$out.x\" \"$out\"",
      "is no whole shared object"
    ),
    ("cc -shared -o \"$out\" -x c /dev/null", "holds no program"), (":", "made no file"),
    ("kill -9 $$", "ended by a signal: Killed"),
  ]) func compilersThatMakeNoProgram(_ body: String, _ words: String) throws {
    let script = try script(
      "[ \"$1\" = --version ] && exit 0; for i; do [ \"$last\" = -o ] && out=$i; last=$i; done; \(body)")
    let training = try training(
      ProgramCompiler(
        environment: ["CC": script, "PATH": "/bin:/usr/bin"],
        cache: ProgramCache(folder: folder.path("cache"))))
    try training.step([[1, 1]])
    #expect(training.tensors[0].values == [0.5, 1.5])
    let problem = try #require(training.optimizer.programProblem)
    #expect(problem.contains(words) && problem.contains("install a C compiler"), "\(problem)")
    #expect(try names() == [])
  }

  /// What keeps the bits stands behind whatever the user has said.
  @Test func argumentsThatKeepTheBitsComeLast() throws {
    let log = folder.path("log")
    let script = try script("echo \"$@\" >> '\(log)'; exec cc \"$@\"")
    let training = try training(
      ProgramCompiler(
        environment: ["CC": "\(script) -ffast-math -ffp-contract=fast", "PATH": "/bin:/usr/bin"],
        cache: ProgramCache(folder: folder.path("cache"))))
    try training.step([[1, 1]])
    let words =
      try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").last?.split(separator: " ")
      ?? []
    for (own, users) in [("-fno-fast-math", "-ffast-math"), ("-ffp-contract=off", "-ffp-contract=fast")] {
      let (last, first) = (words.lastIndex { $0 == own }, words.firstIndex { $0 == users })
      #expect(try #require(last) > #require(first), "\(words)")
    }
  }

  /// Words are divided at any white space; a path with spaces is one.
  @Test func compilersInFoldersWithSpaces() throws {
    let script = try script("[ \"$1\" = --version ] && exit 0; exec cc \"$@\"")
    let place = folder.path("with space")
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: script, toPath: "\(place)/cc")
    for words in ["\(place)/cc", "cc\t-O1"] {
      let training = try training(
        ProgramCompiler(
          environment: ["CC": words, "PATH": "/bin:/usr/bin"],
          cache: ProgramCache(folder: folder.path("cache"))))
      try training.step([[1, 1]])
      #expect(training.optimizer.usesPrograms && training.optimizer.programProblem == nil)
    }
  }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path("cache")).sorted()
  }

  /// Code is known again by another process, and what is damaged is compiled anew.
  @Test func programsAreKept() throws {
    let log = folder.path("log")
    let script = try script("echo run >> '\(log)'; exec cc \"$@\"")
    func runs() throws -> Int {
      try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").count
    }
    func step() throws {
      // Finding the version out is a run, too.
      let compiler = try Programs.make(cc: script, folder: folder.path("cache"))
      for _ in 1...2 {
        let training = try training(compiler)
        try training.step([[1, 1]])
        #expect(training.tensors[0].values == [0.5, 1.5])
      }
    }
    try step()
    #expect(try runs() == 2)
    try step()
    #expect(try runs() == 3)
    let kept = try names()
    #expect(kept.count == 1 && kept[0].hasSuffix(".so"))
    let path = folder.path("cache/\(kept[0])")
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for damaged in [whole.prefix(whole.count / 2), Data(), whole + [0]] {
      // Another file, since this process has loaded the one that was there.
      try damaged.write(to: URL(fileURLWithPath: path), options: .atomic)
      let before = try runs()
      try step()
      #expect(try runs() == before + 2)
      #expect(try names().count == 1)
    }
  }

  @Test func whatDecidesAboutTheCodeIsInItsName() throws {
    for cc in ["cc", "cc -DOTHER"] {
      try training(Programs.make(cc: cc, folder: folder.path("cache"))).step([[1, 1]])
    }
    #expect(try names().count == 2)
  }

  /// Where nothing can be kept, everything works and nothing stays.
  @Test func nowhereToKeepPrograms() throws {
    let file = try folder.write("file", [])
    let training = try training(Programs.make(folder: "\(file)/cache"))
    try training.step([[1, 1]])
    #expect(training.tensors[0].values == [0.5, 1.5])
  }
}
