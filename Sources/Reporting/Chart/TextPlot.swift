// Draws a chart with characters: in Braille's dots, or in ASCII where the terminal knows no others.

/// How a chart becomes lines of text.
public struct TextPlot: Sendable {
  /// Columns in all, 30 or more.
  public var width: Int
  /// Rows of the plot itself.
  public var height = 12
  /// Braille and box drawing; ASCII otherwise.
  public var usesUnicode: Bool
  /// Escape sequences for colours.
  public var usesColours: Bool

  public init(width: Int, usesUnicode: Bool, usesColours: Bool) {
    self.width = max(30, width)
    self.usesUnicode = usesUnicode
    self.usesColours = usesColours
  }

  /// The title, the plot with both axes, and what each curve is; nothing for a chart without a curve.
  public func draw(_ chart: Chart) -> String {
    // A cell has one colour, so a pale curve would hide the one that it stands behind.
    let lines = Set(chart.curves.filter { $0.style == .line }.map(\.colour))
    let chart = chart.keeping { $0.style != .faint || !lines.contains($0.colour) }
    guard !chart.isEmpty else { return "" }
    let (xAxis, yAxis) = (chart.xAxis, chart.yAxis)
    let yTicks = yAxis.ticks(about: max(2, height * 2 / 5))
    let yTexts = Axis.texts(yTicks, unit: chart.unit)
    let margin = (yTexts.map(\.count).max() ?? 0) + 1
    var canvas = Canvas(columns: width - margin - 2, rows: height)
    for curve in chart.curves { canvas.add(curve, xAxis, yAxis, symbol: symbol(curve)) }

    var labels = [Int: String](minimumCapacity: yTicks.count)
    for (tick, text) in zip(yTicks, yTexts) {
      labels[Int(((1 - yAxis.share(tick)) * Double(height - 1)).rounded())] = text
    }
    var text = ["  " + chart.title]
    for row in 0..<height {
      let label = labels[row] ?? ""
      let edge = usesUnicode ? (labels[row] == nil ? "│" : "┤") : (labels[row] == nil ? "|" : "+")
      let cells = canvas.row(row, usesUnicode: usesUnicode, usesColours: usesColours)
      text.append(String(repeating: " ", count: margin - label.count) + label + edge + cells)
    }
    text += horizontalAxis(chart, xAxis, margin: margin, columns: canvas.columns)
    text.append(legend(chart.curves, margin: margin))
    return text.joined(separator: "\n")
  }

  /// The line below the plot and the numbers below the line.
  private func horizontalAxis(_ chart: Chart, _ axis: Axis, margin: Int, columns: Int) -> [String] {
    let ticks = axis.ticks(about: max(2, columns / 12), wholeNumbers: true)
    let texts = Axis.texts(ticks, unit: .plain)
    var line = [Character](repeating: usesUnicode ? "─" : "-", count: columns)
    var numbers = [Character](repeating: " ", count: columns)
    var free = 0
    for (tick, text) in zip(ticks, texts) {
      let column = Int((axis.share(tick) * Double(columns - 1)).rounded())
      let start = min(max(0, column - text.count / 2), columns - text.count)
      guard start >= free, start + text.count <= columns else { continue }
      line[column] = usesUnicode ? "┬" : "+"
      for (offset, character) in text.enumerated() { numbers[start + offset] = character }
      free = start + text.count + 1
    }
    let space = String(repeating: " ", count: margin)
    let end = free + chart.xLabel.count <= columns ? chart.xLabel : ""
    for (offset, character) in end.enumerated() { numbers[columns - end.count + offset] = character }
    return [space + (usesUnicode ? "└" : "+") + String(line), trimmed(space + " " + String(numbers))]
  }

  private func legend(_ curves: [Chart.Curve], margin: Int) -> String {
    let entries = curves.map { curve in
      let sample = symbol(curve).map(String.init) ?? (usesUnicode ? "⠤⠤" : "..")
      return (usesColours ? Self.colour(curve.colour) + sample + "\u{1B}[0m" : sample) + " " + curve.name
    }
    return String(repeating: " ", count: margin + 1) + entries.joined(separator: "   ")
  }

  /// Few points are drawn as a symbol each, which tells curves apart without colours.
  private func symbol(_ curve: Chart.Curve) -> Character? {
    guard curve.style == .dotted else { return nil }
    let symbols: [Character] = usesUnicode ? ["●", "○", "×", "+", "◆", "◇"] : ["o", "x", "*", "@", "%", "&"]
    return symbols[curve.colour % symbols.count]
  }

  fileprivate static func colour(_ number: Int) -> String {
    "\u{1B}[\([34, 33, 32, 35, 36, 31][number % 6])m"
  }

  private func trimmed(_ text: String) -> String {
    String(text.reversed().drop { $0 == " " }.reversed())
  }
}

/// Cells of two by four dots each, as Braille has them.
private struct Canvas {
  let columns, rows: Int
  private var dots: [UInt8]
  private var symbols: [Character?]
  private var colours: [Int?]

  init(columns: Int, rows: Int) {
    self.columns = max(10, columns)
    self.rows = max(3, rows)
    dots = [UInt8](repeating: 0, count: self.columns * self.rows)
    symbols = [Character?](repeating: nil, count: self.columns * self.rows)
    colours = [Int?](repeating: nil, count: self.columns * self.rows)
  }

  mutating func add(_ curve: Chart.Curve, _ xAxis: Axis, _ yAxis: Axis, symbol: Character?) {
    func place(_ point: Chart.Point) -> (x: Int, y: Int) {
      (
        Int((xAxis.share(point.x) * Double(columns * 2 - 1)).rounded()),
        Int(((1 - yAxis.share(point.y)) * Double(rows * 4 - 1)).rounded())
      )
    }
    if let symbol {
      for (x, y) in curve.points.map(place) { put(symbol, column: x / 2, row: y / 4, curve.colour) }
      return
    }
    guard let first = curve.points.first else { return }
    var last = place(first)
    set(last.x, last.y, curve.colour)
    for point in curve.points.dropFirst() {
      let next = place(point)
      if curve.style == .steps {
        line(from: last, to: (next.x, last.y), curve.colour)
        line(from: (next.x, last.y), to: next, curve.colour)
      } else {
        line(from: last, to: next, curve.colour)
      }
      last = next
    }
  }

  /// All dots from one to the other, as many as the longer side has.
  private mutating func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int), _ colour: Int) {
    let count = max(abs(end.x - start.x), abs(end.y - start.y), 1)
    for step in 0...count {
      let share = Double(step) / Double(count)
      set(
        start.x + Int((Double(end.x - start.x) * share).rounded()),
        start.y + Int((Double(end.y - start.y) * share).rounded()), colour)
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ colour: Int) {
    // Braille numbers its dots down the left column, then the right; the lowest two came later.
    let bits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
    let cell = y / 4 * columns + x / 2
    dots[cell] |= bits[y % 4][x % 2]
    if colours[cell] == nil { colours[cell] = colour }
  }

  private mutating func put(_ symbol: Character, column: Int, row: Int, _ colour: Int) {
    symbols[row * columns + column] = symbol
    colours[row * columns + column] = colour
  }

  func row(_ row: Int, usesUnicode: Bool, usesColours: Bool) -> String {
    var text = ""
    var current: Int?
    var pending = ""
    for cell in row * columns..<(row + 1) * columns {
      guard symbols[cell] != nil || dots[cell] != 0 else {
        pending += " "
        continue
      }
      let character =
        symbols[cell]
        ?? (usesUnicode ? Character(Unicode.Scalar(0x2800 + UInt32(dots[cell])) ?? " ") : ".")
      text += pending
      pending = ""
      if usesColours, current != colours[cell], let colour = colours[cell] {
        text += TextPlot.colour(colour)
        current = colour
      }
      text.append(character)
    }
    return text + (current == nil ? "" : "\u{1B}[0m")
  }
}
