// Which cases names and patterns mean.

import Foundation
import OptimizerHost

extension ValidationCase {
  /// A name or a pattern that means no case.
  public struct Unknown: Error, CustomStringConvertible {
    public let description: String
  }

  /// The cases that `patterns` mean, in the usual order: names, names of groups, or patterns with `*`, `?` and `[…]`.
  /// No patterns mean all cases.
  /// - Throws: `Unknown` for a pattern that means none.
  public static func select(_ patterns: [String]) throws -> [ValidationCase] {
    guard !patterns.isEmpty else { return all }
    var names: Set<String> = []
    for pattern in patterns {
      let matches = all.filter { fnmatch(pattern, $0.name, 0) == 0 || pattern == $0.group.rawValue }
      guard !matches.isEmpty else {
        let known = all.map(\.name) + Group.allCases.map(\.rawValue)
        throw Unknown(
          description: "there is no case '\(pattern)'.\(suggestion(for: pattern, among: known)) "
            + "`optplug validate --list` shows all")
      }
      names.formUnion(matches.map(\.name))
    }
    return all.filter { names.contains($0.name) }
  }
}
