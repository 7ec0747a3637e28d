// The page that lays several runs over one another.

/// One file that needs no other.
public enum ComparisonPage {
  /// The page's whole text.
  public static func html(_ comparison: Comparison) -> String {
    let names = comparison.runs.map(\.name)
    let charts = comparison.charts.map(SVGChart.figure).joined(separator: "\n")
    let results = table(
      columns: Comparison.columns,
      rows: comparison.runs.map { run in comparison.row(run).map { ($0, false) } })
    let differences = comparison.differences
    let settings =
      differences.isEmpty
      ? "<p>None that the runs wrote down.</p>"
      : table(
        caption: "Settings that are not the same in all runs", kind: "settings", columns: ["setting"] + names,
        rows: differences.map { name, values in
          [(name, false)] + values.map { ($0 ?? "–", $0 != values[0]) }
        })
    let title = "\(names.count) run\(names.count == 1 ? "" : "s")"
    return PageStyle.page(
      title: "\(title) · convtrain",
      body: """
        <main>
        <header><h1>\(title)</h1><p class="soft">\(Markup.escape(names.joined(separator: " · ")))</p></header>
        <section aria-label="Results"><h2>Results</h2>
        \(results)</section>
        <section aria-label="Curves"><h2>Curves</h2><div class="charts">
        \(charts)
        </div></section>
        <section aria-label="Differences"><h2>Differences</h2>
        \(settings)</section>
        </main>
        """)
  }

  /// - Parameters:
  ///   - caption: nil where the heading above says it.
  ///   - kind: its class, for the style.
  ///   - rows: texts, and whether each is to stand out.
  private static func table(
    caption: String? = nil, kind: String = "results", columns: [String],
    rows: [[(text: String, differs: Bool)]]
  ) -> String {
    let caption = caption.map { "<caption>\(Markup.escape($0))</caption>" } ?? ""
    let head = columns.map { "<th scope=\"col\">\(Markup.escape($0))</th>" }.joined()
    let body = rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let text = Markup.escape(cell.text)
        if column == 0 { return "<th scope=\"row\">\(text)</th>" }
        return "<td\(cell.differs ? " class=\"differs\"" : "")>\(text)</td>"
      }
      return "<tr>\(cells.joined())</tr>"
    }
    return """
      <div class="scroll"><table class="\(kind)">\(caption)<thead><tr>\(head)</tr></thead>
      <tbody>\(body.joined(separator: "\n"))</tbody></table></div>

      """
  }
}
