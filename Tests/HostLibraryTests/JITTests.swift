// OPTPLUG_HOST_JIT: compiled programs take the steps, to the same bits, and what is said where they cannot.

import COptPlugHost
import Foundation
import OptimizerHost
import TestSupport
import Testing

@Suite struct JITTests {
  private func trainer(_ expression: String, _ tensors: [TensorMemory], jit: Bool) throws -> Trainer {
    var options = Options(expression, tensors, threads: 2)
    if jit { options.raw.flags = OPTPLUG_HOST_JIT }
    return try Trainer(options, tensors)
  }

  private func problem(_ trainer: Trainer) throws -> String? {
    var text: UnsafePointer<CChar>?
    try call { Library.programProblem(trainer.optimizer, &text, $0) }
    return text.map { String(cString: $0) }
  }

  @Test(arguments: [nil, [1, 3]] as [[Int]?]) func theSameBits(_ strides: [Int]?) throws {
    let (first, second) = (line(strides: strides), line(strides: strides))
    let plain = try trainer("lookahead(k=2, adam)", [first], jit: false)
    let jit = try trainer("lookahead(k=2, adam)", [second], jit: true)
    for _ in 1...3 {
      try plain.step([line()])
      try jit.step([line()])
    }
    #expect(second.values == first.values && first.values != line().values)
    #expect(try jit.save() == plain.save())
    #expect(try jit.view().flags & OPTPLUG_HOST_USES_PROGRAMS != 0 && problem(jit) == nil)
    #expect(try plain.view().flags & OPTPLUG_HOST_USES_PROGRAMS == 0 && problem(plain) == nil)
  }

  @Test func aTreeWithoutFormula() throws {
    let (first, second) = (line(), line())
    let plain = try trainer("lamb", [first], jit: false)
    let jit = try trainer("lamb", [second], jit: true)
    try plain.step([line()])
    try jit.step([line()])
    #expect(second.values == first.values)
    #expect(try jit.view().flags & OPTPLUG_HOST_USES_PROGRAMS == 0)
    #expect(try problem(jit)?.contains("'lamb' has no formula") == true && problem(plain) == nil)
  }

  @Test func argumentsThatMakeNoSense() throws {
    let trainer = try trainer("adam", [line()], jit: false)
    #expect(
      refusal { Library.programProblem(trainer.optimizer, nil, $0) }?.message.contains("no room") == true)
    var text: UnsafePointer<CChar>?
    #expect(refusal { Library.programProblem(nil, &text, $0) }?.status == OPTPLUG_INVALID_ARGUMENT)
  }

  /// In a process of its own, which has another environment.
  @Test func noCompiler() throws {
    let folder = try TemporaryFolder()
    let source = """
      #include "optplug_host.h"
      #include <stdio.h>
      int main(void) {
        char text[512] = "";
        optplug_error error = {sizeof error, sizeof text, text};
        optplug_host_optimizer *optimizer;
        optplug_host_options options = {sizeof options, 0, "adam", "\(BuildProducts.directory.path)"};
        options.flags = OPTPLUG_HOST_JIT;
        printf("%d %s", (int)optplug_host_open(&options, &optimizer, &error), text);
        return 0;
      }
      """
    let library = try folder.copy(URL(fileURLWithPath: Library.file), as: "liboptplug.so.1")
    let program = folder.path("open")
    try Compiler.cc.run([
      "-std=c99", "-I", Repository.file("include").path, "-o", program,
      try folder.write("open.c", source.utf8), library,
      "-Wl,-rpath,\(folder.url.path)",
    ])
    let home = "HOME=\(folder.url.path)"
    #expect(
      try Compiler("env").output(["-i", home, "CC=/nonexistent", program]).hasPrefix(
        "\(OPTPLUG_FAILED_PRECONDITION) program: the C compiler '/nonexistent', which CC names, is not there")
    )
    #expect(try Compiler("env").output(["-i", home, "PATH=/usr/bin:/bin", program]) == "0 ")
  }
}
