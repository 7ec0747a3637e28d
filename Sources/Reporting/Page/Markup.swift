// Text on its way into a page: nothing that a file says becomes markup.

import Foundation

enum Markup {
  /// For content and attributes in quotation marks. Control characters, which HTML forbids, become visible.
  static func escape(_ text: some StringProtocol) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// A coordinate: one place is a tenth of a pixel.
  static func coordinate(_ value: Double) -> String {
    let text = String(format: "%.1f", value)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// Five digits at most: `0.12346`, `5e-05`.
  static func number(_ value: Double) -> String {
    value.isFinite ? String(format: "%.5g", value) : "not finite"
  }
  static func number(_ value: Double?) -> String { value.map { number($0) } ?? "–" }
  static func percent(_ share: Double?) -> String {
    share.map { $0.isFinite ? String(format: "%.2f %%", $0 * 100) : "not finite" } ?? "–"
  }

  /// `3.4 s`, `1 m 05 s` or `2 h 03 m`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    if seconds < 59.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    return whole < 3600
      ? String(format: "%d m %02d s", whole / 60, whole % 60)
      : String(format: "%d h %02d m", whole / 3600, whole / 60 % 60)
  }

  /// Names in the first column, values in the second; empty for no rows.
  static func table(_ rows: [(name: String, value: String)], caption: String) -> String {
    guard !rows.isEmpty else { return "" }
    let body = rows.map { "<tr><th scope=\"row\">\(escape($0.name))</th><td>\(escape($0.value))</td></tr>" }
    return
      "<table class=\"facts\"><caption>\(escape(caption))</caption><tbody>\(body.joined())</tbody></table>"
  }
}
