// Signature strings, and the table of those of optplug.h against the header itself.

import COptPlug
import Foundation
import TestSupport
import Testing

@testable import OptimizerHost

@Suite struct SignatureTests {
  @Test func readsLetters() throws {
    let step = try #require(Signature("S(pFE)"))
    #expect(step.result == .status && step.parameters == [.pointer, .frame, .error])
    let empty = try #require(Signature("v()"))
    #expect(empty.result == .void && empty.parameters.isEmpty)
    #expect(Signature("q(" + String(repeating: "d", count: 16) + ")")?.parameters.count == 16)
  }

  @Test(arguments: [
    "", "v", "v(", "v)", "()", "(p)", "vp", "v(p", "v p)", "x(p)", "v(x)", "v(v)", "p(T)", "v(p)q", "é(p)",
    "v(pppppppppppppppppp)",
  ])
  func refusesWhatBreaksTheForm(text: String) { #expect(Signature(text) == nil) }

  /// The function pointers in the header's structs, as "struct.member".
  private static func functionsOfTheHeader() throws -> Set<String> {
    let header = try String(contentsOf: Repository.file("include/optplug.h"), encoding: .utf8)
    var functions: Set<String> = []
    var structure = ""
    for line in header.split(separator: "\n") {
      if let match = line.firstMatch(of: /^(?:typedef )?struct (optplug_\w+) \{/) {
        structure = String(match.1)
      }
      if line.hasPrefix("}") { structure = "" }
      // A parameter that is a function stands further to the right.
      if let match = line.firstMatch(of: /^  \w[\w *]*\(OPTPLUG_CALL \*(\w+)\)/), !structure.isEmpty {
        functions.insert("\(structure).\(match.1)")
      }
    }
    return functions
  }

  /// Tables of the header and what is said of each.
  private static let tables: [(String, [FunctionSignature])] =
    [
      ("optplug_optimizer", ABISignatures.optimizer), ("optplug_host", ABISignatures.host),
      ("optplug_plan", ABISignatures.plan),
    ]
    + ABISignatures.extensions.map { id, functions in
      // "optplug.eval-view/1" is optplug_eval_view.
      let stem = id.split(separator: "/")[0].split(separator: ".")[1]
      return ("optplug_" + stem.replacingOccurrences(of: "-", with: "_"), functions)
    }

  @Test func everyFunctionOfTheHeaderHasASignature() throws {
    let header = try Self.functionsOfTheHeader()
    #expect(header.contains("optplug_optimizer.step") && header.contains("optplug_plan.borrow_slot"))
    let described = Set(Self.tables.flatMap { table in table.1.map { "\(table.0).\($0.member)" } })
    // The host asks a library before there is an optimizer to trace.
    #expect(described == header.subtracting(["optplug_library.get_extension"]))
  }

  @Test func everySignatureOfTheTableIsLegal() throws {
    for (table, functions) in Self.tables {
      for function in functions {
        let signature = try #require(Signature(function.signature), "\(table).\(function.member)")
        #expect(signature.parameters.count == function.parameters.count, "\(table).\(function.member)")
        #expect(signature.prepare() != nil)
      }
      #expect(Set(functions.map(\.offset)).count == functions.count)
    }
  }
}
