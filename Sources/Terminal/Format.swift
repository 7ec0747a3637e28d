// Numbers and tables as text.

import Foundation

public enum Format {
  /// `1234567` as `1,234,567`.
  public static func count(_ number: Int) -> String {
    let digits = String(number.magnitude)
    let grouped = digits.enumerated().reduce(into: "") { text, item in
      if item.offset > 0 && (digits.count - item.offset) % 3 == 0 { text += "," }
      text.append(item.element)
    }
    return (number < 0 ? "-" : "") + grouped
  }

  /// `1 step`, `2,000 steps`.
  public static func count(_ number: Int, _ noun: String, plural: String? = nil) -> String {
    count(number) + " " + (number == 1 ? noun : plural ?? noun + "s")
  }

  public static func decimal(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }

  /// At most three places, without zeros at the end: `4`, `1.016`.
  public static func shortDecimal(_ value: Double) -> String {
    var text = decimal(value, 3)
    while text.hasSuffix("0") { text.removeLast() }
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  /// With four significant digits at most: `0.0005`, `3.078e-06`.
  public static func significant(_ value: Double) -> String { String(format: "%.4g", value) }

  /// 0…1 as `98.25 %`.
  public static func percent(_ share: Double) -> String { decimal(share * 100, 2) + " %" }

  /// `3.4 s`, `1 m 05 s` or `2 h 03 m`.
  public static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    if seconds < 59.95 { return decimal(max(0, seconds), 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) m \(String(format: "%02d", whole % 60)) s" }
    return "\(whole / 3600) h \(String(format: "%02d", whole / 60 % 60)) m"
  }

  /// Nanoseconds with three digits: `123 ns`, `4.56 µs`, `78.9 ms`, `1.23 s`.
  public static func nanoseconds(_ count: Double) -> String {
    let units = [("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1)]
    // The first unit in which three digits do not round to 0.999.
    let (unit, size) = units.first { count >= $0.1 * 0.9995 } ?? ("ns", 1)
    let value = count / size
    return decimal(value, value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3) + " " + unit
  }

  public static func bytes(_ count: Int) -> String {
    if count < 1 << 10 { return Self.count(count, "byte") }
    if count < 1 << 20 { return decimal(Double(count) / 1024, 1) + " KiB" }
    return decimal(Double(count) / 1_048_576, 1) + " MiB"
  }

  /// Names in a column, values in the next.
  public static func table(_ rows: [(name: String, value: String)]) -> String {
    let width = rows.map(\.name.count).max() ?? 0
    return rows.map { row in
      "  " + row.name + String(repeating: " ", count: width - row.name.count + 2) + row.value
    }.joined(separator: "\n")
  }

  /// Rows as lines, the cells of a column below one another.
  public static func columns(_ rows: [[String]]) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  /// `text` at the right end of `width` columns.
  public static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
