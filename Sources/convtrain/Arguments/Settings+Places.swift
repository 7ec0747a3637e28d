// Paths among the settings: kept so that they mean the same from every folder.

import Datasets
import Foundation
import OptimizerHost

extension Settings {
  private static let paths: Set<String> = ["save", "load", "trace", "tensorboard-dir"]

  /// The same with every path absolute that is relative to the folder one stands in.
  func withAbsolutePaths() -> Settings {
    var result = self
    for (name, value) in values {
      guard case .one(let text) = value else { continue }
      let placed: String
      switch name {
      case "data": placed = Dataset.isPath(text) ? Self.absolute(text) : text
      case "optimizer-plugin": placed = OptimizerExpression.withAbsolutePaths(text)
      case _ where Self.paths.contains(name) && !text.isEmpty: placed = Self.absolute(text)
      default: placed = text
      }
      result.replace(name, by: placed)
    }
    return result
  }

  /// Links stay as they are.
  fileprivate static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    let plain = path.hasPrefix("./") ? path.dropFirst(2).drop { $0 == "/" } : path[...]
    return FileManager.default.currentDirectoryPath + (plain.isEmpty || plain == "." ? "" : "/\(plain)")
  }
}

extension OptimizerExpression {
  /// An expression with the paths in it absolute; as it is where there is no relative one, or no sense in it.
  static func withAbsolutePaths(_ text: String) -> String {
    guard let expression = try? OptimizerExpression(parsing: text) else { return text }
    var characters = Array(text)
    // From the end, so that places stay what they are.
    for part in expression.tree.filter(\.isPath).sorted(by: { $0.position > $1.position })
    where !part.target.hasPrefix("/") {
      let isQuoted = characters[part.position] == "\""
      let start = part.position + (isQuoted ? 1 : 0)
      let end = start + part.target.count
      guard end <= characters.count, String(characters[start..<end]) == part.target else { return text }
      let path = Settings.absolute(part.target)
      // The folder may hold what has a meaning in expressions.
      let needsQuotes = !isQuoted && path.contains { $0.isWhitespace || ",()=:\"".contains($0) }
      characters.replaceSubrange(start..<end, with: needsQuotes ? "\"\(path)\"" : path)
    }
    return String(characters)
  }

  private var tree: [OptimizerExpression] { [self] + bases.flatMap(\.tree) }
}
