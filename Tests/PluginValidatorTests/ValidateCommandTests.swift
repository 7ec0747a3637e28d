// The command's arguments, its output, and how it tells of plugins that crash, hang or leave.

import Foundation
import PluginValidator
import TestSupport
import Testing

@Suite struct ValidationCaseTests {
  @Test func namesAndSentences() {
    let names = ValidationCase.all.map(\.name)
    #expect(Set(names).count == names.count)
    for validationCase in ValidationCase.all {
      #expect(
        validationCase.name.wholeMatch(of: /[a-z][a-z0-9]*(-[a-z0-9]+)*/) != nil, "\(validationCase.name)")
      #expect(validationCase.summary.hasSuffix("."), "\(validationCase.name)")
    }
  }

  @Test func theGuideShowsEveryCase() throws {
    let guide = try String(contentsOf: Repository.file("docs/validating.md"), encoding: .utf8)
    for validationCase in ValidationCase.all {
      #expect(guide.contains("| `\(validationCase.name)` | \(validationCase.summary) |\n"))
    }
    let rows = guide.components(separatedBy: "\n| `").count - 1
    #expect(rows == ValidationCase.all.count + Outcome.allCases.count)
  }

  @Test func patternsSelect() throws {
    #expect(try ValidationCase.select([]).count == ValidationCase.all.count)
    #expect(try ValidationCase.select(["guard-*"]).map(\.name) == ["guard-behind", "guard-before"])
    #expect(try ValidationCase.select(["purity"]).allSatisfy { $0.group == .purity })
    #expect(try ValidationCase.select(["steps", "loads"]).map(\.name) == ["loads", "steps"])
  }

  @Test func unknownPatternsSuggest() {
    let error = #expect(throws: ValidationCase.Unknown.self) { try ValidationCase.select(["contains-nam"]) }
    #expect(error?.description.contains("Did you mean 'contains-nan'?") ?? false)
  }
}

@Suite(.enabled(if: Platform.usesELF)) struct ValidateCommandTests {
  private let ends = Repository.file("Tests/PluginValidatorTests/Ends")

  @Test func linesAndSummary() throws {
    let plugin = try BrokenPlugins.file("contains-nan")
    let outcome = try ValidateOutcome.of([plugin, "--only", "contains-*", "--only", "loads", "--seed", "7"])
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.count == 6, "\(outcome.output)")
    #expect(lines[0] == "\(plugin)  (seed 7)")
    #expect(lines[1].wholeMatch(of: /\s\spassed   loads              +\d+ ms/) != nil, "\(lines[1])")
    #expect(lines[2].wholeMatch(of: /\s\sfailed   contains-nan       +\d+ ms/) != nil, "\(lines[2])")
    #expect(lines[3].hasPrefix("           a gradient of nan at element 77 of 'dense.weight' changes"))
    #expect(lines[4].wholeMatch(of: /\s\spassed   contains-infinity  +\d+ ms/) != nil, "\(lines[4])")
    #expect(lines[5].hasPrefix("  3 cases in "))
    #expect(lines[5].contains(": 2 passed, 1 failed; the slowest, "))
    #expect(outcome.status == 1)
  }

  @Test func equalSeedsGiveEqualMessages() throws {
    let plugin = try BrokenPlugins.file("applies-the-gradient-scale")
    func results(_ seed: String) throws -> [ValidateOutcome.Result] {
      try ValidateOutcome.of([plugin, "--json", "--only", "numbers", "--seed", seed]).runs().flatMap(
        \.results)
    }
    let first = try results("3")
    #expect(try results("3") == first)
    #expect(try results("4") != first)
  }

  @Test func aChosenSeedIsPrinted() throws {
    let plugin = try BrokenPlugins.file("valid")
    let seeds = try (0..<2).map { _ in
      try #require(try ValidateOutcome.of([plugin, "--json", "--only", "steps"]).runs().first).seed
    }
    #expect(seeds[0] != seeds[1])
  }

  @Test func runsInThisProcess() throws {
    let plugin = try BrokenPlugins.file("contains-nan")
    let outcome = try ValidateOutcome.of([plugin, "--json", "--only", "contains-nan", "--in-process"])
    #expect(try outcome.runs().flatMap(\.results).map(\.outcome) == [.failed])
    #expect(outcome.status == 1)
  }

  @Test func severalPlugins() throws {
    let plugins = try [BrokenPlugins.file("valid"), BrokenPlugins.file("stays-silent")]
    let outcome = try ValidateOutcome.of(plugins + ["--json", "--only", "stays-silent"])
    #expect(try outcome.runs().map(\.path) == plugins)
    #expect(try outcome.runs().flatMap(\.results).map(\.outcome) == [.passed, .failed])
  }

  @Test func wrongUsage() throws {
    let unknown = try ValidateOutcome.of(["x.so", "--only", "guard-behnd"])
    #expect(unknown.status == 64)
    #expect(unknown.error.contains("there is no case 'guard-behnd'. Did you mean 'guard-behind'?"))
    #expect(try ValidateOutcome.of([]).status == 64)
  }

  @Test func noSuchFile() throws {
    let outcome = try ValidateOutcome.of(["/nowhere/x.so", "--json"])
    let results = try outcome.runs().flatMap(\.results)
    #expect(results.filter { $0.outcome.isBad }.map(\.case) == ["loads"])
    #expect(results.first?.message.contains("no such file") ?? false)
    #expect(outcome.status == 1)
  }

  @Test func theListShowsEveryCase() throws {
    let output = try ValidateOutcome.of(["--list"]).output
    for validationCase in ValidationCase.all {
      #expect(output.contains("\(validationCase.name) "))
      #expect(output.contains(validationCase.summary))
    }
  }

  // MARK: Plugins that do not come back

  private func crash(_ name: String, _ more: String...) throws -> String {
    let plugin = try BrokenPlugins.file(name, in: ends)
    let outcome = try ValidateOutcome.of([plugin, "--json", "--only", "steps"] + more)
    let result = try #require(try outcome.runs().first?.results.first)
    #expect(result.outcome == .crashed)
    #expect(outcome.status == 1)
    return result.message
  }

  @Test func hangs() throws {
    let start = Date()
    #expect(try crash("hangs", "--time-limit", "2") == "it did not end within 2 s and was killed")
    #expect(Date().timeIntervalSince(start) < 30)
  }

  @Test func leaves() throws {
    #expect(try crash("exits") == "ended the process with status 3; it wrote: bye")
  }

  @Test func aborts() throws {
    #expect(try crash("aborts") == "SIGABRT (it aborted) in step; it wrote: cannot go on")
  }

  @Test func overflowsItsStack() throws {
    #expect(try crash("recurses") == "SIGSEGV (a bad address) in step")
  }

  /// What a plugin has started must not keep the validator waiting.
  @Test func forks() throws {
    let start = Date()
    let plugin = try BrokenPlugins.file("forks", in: ends)
    let outcome = try ValidateOutcome.of([plugin, "--json", "--only", "steps"])
    #expect(try outcome.runs().first?.results.map(\.outcome) == [.passed])
    #expect(Date().timeIntervalSince(start) < 30)
  }
}
