// Each case finds the fault that it is there for, and no other case is misled by it.

import Foundation
import PluginValidator
import TestSupport
import Testing

@Suite(.enabled(if: Platform.usesELF)) struct BrokenPluginTests {
  @Test func everyCaseHasABrokenPlugin() {
    #expect(Set(BrokenPlugins.names) == Set(ValidationCase.all.map(\.name)))
    #expect(BrokenPlugins.names.count >= 50)
  }

  @Test(arguments: BrokenPlugins.names) func failsItsCaseAlone(_ name: String) throws {
    let outcome = try ValidateOutcome.of([try BrokenPlugins.file(name), "--json", "--seed", "1"])
    let run = try #require(try outcome.runs().first)
    let found = run.results.filter { $0.outcome.isBad || $0.outcome == .warning }
    #expect(!found.isEmpty, "no case finds the fault")
    #expect(found.allSatisfy { $0.case == name && !$0.message.isEmpty }, "\(found)")
    #expect(outcome.status == (found.contains { $0.outcome.isBad } ? 1 : 0), "\(outcome.error)")
    // Every case has its say, if only that it could not be run.
    #expect(Set(run.results.map(\.case)) == Set(ValidationCase.all.map(\.name)))
  }

  @Test(arguments: ["valid", "valid-wrapper"]) func faultlessPluginsPass(_ name: String) throws {
    let outcome = try ValidateOutcome.of([try BrokenPlugins.file(name), "--json"])
    let run = try #require(try outcome.runs().first)
    #expect(run.results.filter { $0.outcome != .passed && $0.outcome != .skipped } == [])
    #expect(run.results.count == ValidationCase.all.count)
    #expect(run.results.count { $0.outcome == .skipped } <= 4)
    #expect(outcome.status == 0)
  }
}

@Suite(.enabled(if: Platform.usesELF)) struct ShippedPluginTests {
  /// The folders of Plugins/, so that a new one cannot be forgotten.
  private static let plugins: [String] = {
    let folders = try? FileManager.default.contentsOfDirectory(atPath: Repository.file("Plugins").path)
    return (folders ?? []).filter { !$0.contains(".") }.sorted()
  }()

  @Test(arguments: plugins) func passes(_ plugin: String) throws {
    let outcome = try ValidateOutcome.of([BuildProducts.plugin(plugin).path, "--json"])
    let run = try #require(try outcome.runs().first)
    // How long loading takes is the machine's matter as well, which may be busy with other tests.
    let found = run.results.filter {
      ($0.outcome.isBad || $0.outcome == .warning) && $0.case != "loads-fast"
    }
    #expect(found == [], "seed \(run.seed)")
    #expect(run.results.count >= ValidationCase.all.count)
  }
}
