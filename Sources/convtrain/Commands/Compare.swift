// convtrain compare: runs side by side.

import ArgumentParser
import Reporting
import Terminal
import Training

struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows the results of runs side by side, and what was different about them.",
    discussion: """
      Reads the run directories' metrics.jsonl, config.json and environment.json.

        convtrain compare runs/*lenet*
        convtrain compare runs/a runs/b --output comparison.html
      """)

  @Argument(help: ArgumentHelp("Run directories.", valueName: "run"), completion: .directory)
  var runs: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Also writes a page with overlaid curves.", valueName: "file.html"),
    completion: .file(extensions: ["html"]))
  var output: String?

  @Flag(help: "Draws the validation accuracies in the terminal.")
  var plot = false

  func run() throws {
    try reporting {
      if let output { try AtomicFile.requireWritable(output) }
      let comparison = Comparison(try runs.map { try RunRecord(reading: $0) })
      let rows = comparison.runs.map { comparison.row($0) }
      try Console.output(Format.columns([Comparison.columns] + rows.map { $0.map(Self.cell) }))
      try showDifferences(comparison)
      if plot, let chart = comparison.charts.first {
        let text = TextPlot(
          width: Console.outputWidth, usesUnicode: Console.takesUnicode,
          usesColours: Console.outputTakesColour)
        try Console.output("\n" + text.draw(chart))
      }
      if let output {
        try AtomicFile.write([Array(ComparisonPage.html(comparison).utf8)], to: output)
        Console.error("wrote \(output)")
      }
    }
  }

  /// Values that are not the first run's stand out in colour.
  private func showDifferences(_ comparison: Comparison) throws {
    let differences = comparison.differences
    guard comparison.runs.count > 1 else { return }
    guard !differences.isEmpty else {
      return try Console.output("\nno differences in configuration or environment")
    }
    let rows =
      [["setting"] + comparison.runs.map(\.name)]
      + differences.map { [$0.name] + $0.values.map { $0 ?? "–" } }
    let lines = Format.columns(rows.map { $0.map(Self.cell) }).split(separator: "\n")
    let colours = Console.outputTakesColour
    try Console.output("\ndifferences")
    for (number, line) in lines.enumerated() {
      try Console.output(number > 0 && colours ? "\u{1B}[33m\(line)\u{1B}[0m" : String(line))
    }
  }

  /// The start of a text on one line. What a file says must not reach the terminal as an escape sequence.
  private static func cell(_ text: String) -> String {
    let start = text.count > 60 ? text.prefix(59) + "…" : text[...]
    return String(
      String.UnicodeScalarView(
        start.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
  }
}
