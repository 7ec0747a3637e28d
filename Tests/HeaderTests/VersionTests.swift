// Hosts, bases and wrappers of this header and of a later one, in every combination: the same bits.

import Foundation
import OptimizerHost
import TestSupport
import Testing

/// A header to build with.
private enum Version: String, CaseIterable, CustomTestStringConvertible {
  case current, future
  var testDescription: String { rawValue }
}

/// Folders with the header as it is and as a later minor might be: every struct that may grow has grown.
private struct Headers {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let text = try String(contentsOf: Repository.file("include/optplug.h"), encoding: .utf8)
    let grown = text.replacing("#define OPTPLUG_ABI_MINOR 0u", with: "#define OPTPLUG_ABI_MINOR 1u")
      .replacing(/(struct_size;[^}]*)\n\}/) { "\($0.1)\n  uint64_t later_1; double later_2;\n}" }
      .replacing(/(double max_value;[^}]*)\n\}/) { "\($0.1)\n  uint64_t later_1;\n}" }
      .replacing(/(void \*base_gradient;[^}]*)\n\}/) { "\($0.1)\n  uint64_t later_1, later_2, later_3;\n}" }
      .replacing(
        "optplug_device device;\n} optplug_parameter",
        with: "optplug_device device;\n  uint64_t later_1;\n} optplug_parameter")
    for (version, text) in [(Version.current, text), (.future, grown)] {
      let path = folder.url.appendingPathComponent(version.rawValue)
      try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: path.appendingPathComponent("optplug.h"))
    }
  }

  func build(_ source: String, _ version: Version, flags: [String] = []) throws -> String {
    let output = folder.path("\(source)-\(version).\(source == "host" ? "exe" : "so")")
    guard !FileManager.default.fileExists(atPath: output) else { return output }
    try Compiler.cc.run(
      [
        "-std=gnu11", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror",
        "-Wno-missing-field-initializers",
      ]
        + (source == "host" ? [] : ["-shared", "-fPIC"])
        + ["-I", folder.path(version.rawValue), "-o", output]
        + flags
        + [Repository.file("Tests/HeaderTests/Fixtures/versions/\(source).c").path, "-lm", "-ldl"])
    return output
  }
}

@Suite struct VersionTests {
  @Test func theLaterHeaderHasGrown() throws {
    let headers = try Headers()
    let current = try HeaderLayout(of: URL(fileURLWithPath: headers.folder.path("current/optplug.h")))
    let future = try HeaderLayout(of: URL(fileURLWithPath: headers.folder.path("future/optplug.h")))
    #expect(current.breaches(in: future) == [])
    for (name, old) in current.structs where old.isGrowable {
      #expect(future.structs[name].map { $0.size > old.size } == true, "\(name)")
    }
    #expect(future.structs["optplug_segment"]?.size == 88)
  }

  @Test func everyCombinationGivesTheSameBits() throws {
    let headers = try Headers()
    var results: Set<[UInt64]> = []
    for wrapper in Version.allCases {
      for base in Version.allCases {
        let (wrapper, base) = (try headers.build("wrapper", wrapper), try headers.build("base", base))
        for host in Version.allCases {
          let text = try Compiler(headers.build("host", host)).output([wrapper, base, "7"])
          results.insert(text.split(separator: "\n").compactMap { UInt64($0, radix: 16) })
        }
        results.insert(try stepOurs("\(wrapper)(\(base))", 7))
      }
    }
    #expect(results.count == 1)
    #expect(results.first?.count == 6)
  }

  /// The same steps with the host that we ship, in pieces of five elements.
  private func stepOurs(_ expression: String, _ steps: Int) throws -> [UInt64] {
    let training = try Training<Double>(
      expression, [Tensor("w", [1, -2, 3, 0.5, -0.25, 8])], threads: 1, pieceElements: 5)
    for step in 1...steps {
      try training.step([(0..<6).map { sin(Double(step * 7 + $0)) }], scale: 0.5)
    }
    return training.tensors[0].values.map(\.bitPattern)
  }
}
