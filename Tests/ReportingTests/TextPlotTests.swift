// Charts in the terminal, character by character where they are small.

import Testing

@testable import Reporting

@Suite struct TextPlotTests {
  private func chart(_ points: [(Double, Double)], _ style: Chart.Style = .line) -> Chart {
    Chart(
      title: "Loss", xLabel: "step",
      curves: [.init("training", points.map { Chart.Point($0.0, $0.1) }, style: style, colour: 0)])
  }

  /// Marks at the corners of 0…10 by 0…4: the height has a margin of 4 % above and none below 0.
  @Test func asciiLooksLikeThis() {
    var plot = TextPlot(width: 30, usesUnicode: false, usesColours: false)
    plot.height = 5
    let expected = """
        Loss
       4+                         o
        |
       2+             o
        |
       0+o
        ++------------+-----------+
         0            5          10
         o training
      """
    let drawn = plot.draw(chart([(0, 0), (5, 2), (10, 4)], .dotted))
    #expect(
      drawn.split(separator: "\n").map(Self.trimmed) == expected.split(separator: "\n").map(Self.trimmed),
      "\n\(drawn)")
  }

  private static func trimmed(_ line: Substring) -> String {
    String(line.reversed().drop { $0 == " " }.reversed())
  }

  /// A straight line from corner to corner lights the dots of the diagonal: ⡠⠊ are the two halves of a cell pair.
  @Test func brailleJoinsPoints() {
    var plot = TextPlot(width: 30, usesUnicode: true, usesColours: false)
    plot.height = 4
    let lines = plot.draw(chart([(0, 0), (1, 1)])).split(separator: "\n").map(String.init)
    let cells = lines[1...4].map { Array($0.drop { $0 != "│" && $0 != "┤" }.dropFirst()) }
    for row in cells {
      #expect(row.allSatisfy { $0 == " " || ("\u{2801}"..."\u{28FF}").contains($0) }, "\(row)")
    }
    // Every column has exactly one lit cell or two neighbours: a line has no holes.
    let width = cells.map(\.count).max() ?? 0
    for column in 0..<width {
      let lit = cells.indices.filter { column < cells[$0].count && cells[$0][column] != " " }
      #expect(!lit.isEmpty && lit.count <= 2, "column \(column)\n\(lines.joined(separator: "\n"))")
    }
    #expect(lines[4].contains("┤⡠") || lines[4].contains("┤⣀"), "\(lines[4])")
  }

  @Test(arguments: [30, 40, 80, 200], [true, false]) func noLineIsWiderThanTheTerminal(
    width: Int, unicode: Bool
  ) {
    let plot = TextPlot(width: width, usesUnicode: unicode, usesColours: false)
    let text = plot.draw(chart((0..<3000).map { (Double($0), 2 + Double($0 % 7)) }))
    for line in text.split(separator: "\n") { #expect(line.count <= width, "\(line.count): \(line)") }
    if !unicode { #expect(text.unicodeScalars.allSatisfy { $0.isASCII }) }
    #expect(!text.contains("\u{1B}"))
  }

  @Test func coloursComeAndEnd() {
    let plot = TextPlot(width: 60, usesUnicode: true, usesColours: true)
    let text = plot.draw(chart([(0, 1), (9, 0)]))
    #expect(text.contains("\u{1B}[34m"))
    for line in text.split(separator: "\n") where line.contains("\u{1B}[3") {
      #expect(line.contains("\u{1B}[0m"), "\(line)")
    }
  }

  @Test func oddValuesDoNotStopIt() {
    let plot = TextPlot(width: 60, usesUnicode: true, usesColours: false)
    #expect(plot.draw(chart([])) == "")
    #expect(plot.draw(chart([(1, .nan), (2, .infinity)])) == "")
    for points in [
      [(1.0, 5.0)], [(1, 0)], [(1, 1), (2, 1)], [(0, 1e308), (1, -1e308)], [(0, 1e-300), (1, 2e-300)],
      [(1, .nan), (2, 1), (3, 2)], [(1e300, 1), (2e300, 2)],
    ] {
      #expect(plot.draw(chart(points)).contains("Loss"), "\(points)")
    }
  }
}
