// What a validation found, as lines and as JSON.

import Foundation
import PluginValidator
import Terminal

/// All results of one plugin.
struct ValidationRun: Encodable {
  let path: String
  let seed: UInt64
  let seconds: Double
  let results: [CaseResult]

  /// Whether a case failed or crashed.
  var isBad: Bool { results.contains { $0.outcome.isBad } }

  private enum CodingKeys: String, CodingKey { case path, seed, seconds, counts, results }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(path, forKey: .path)
    try container.encode(seed, forKey: .seed)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(
      Dictionary(uniqueKeysWithValues: Outcome.allCases.map { ($0.rawValue, count($0)) }), forKey: .counts)
    try container.encode(results, forKey: .results)
  }

  private func count(_ outcome: Outcome) -> Int { results.count { $0.outcome == outcome } }

  static func json(_ runs: [ValidationRun]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(runs), as: UTF8.self)
  }

  /// One line for each case, aligned, with the reason below those that did not pass; and a summary.
  var lines: String {
    let names = Set(results.compactMap(\.optimizer))
    func label(_ result: CaseResult) -> String {
      names.count > 1 ? result.name + (result.optimizer.map { " (\($0))" } ?? "") : result.name
    }
    let width = results.map { label($0).count }.max() ?? 0
    var lines = ["\(path)  (seed \(seed))"]
    for result in results {
      let name = label(result)
      let time = Format.right(Format.decimal(result.seconds * 1000, 0), 6) + " ms"
      let outcome = result.outcome.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
      lines.append("  \(outcome) \(name)\(String(repeating: " ", count: width - name.count)) \(time)")
      if !result.message.isEmpty { lines.append("           \(result.message)") }
    }
    let counts = Outcome.allCases.map { (count($0), $0.rawValue) }.filter { $0.0 > 0 }
      .map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    let slowest = results.max { $0.seconds < $1.seconds }
    let note = slowest.map { "; the slowest, \($0.name), took \(Format.duration($0.seconds))" } ?? ""
    lines.append("  \(results.count) cases in \(Format.duration(seconds)): \(counts)\(note)")
    return lines.joined(separator: "\n")
  }
}
