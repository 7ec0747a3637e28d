// The confusion matrix as a table whose cells are shaded by their share of the row.

enum ConfusionTable {
  /// Empty where the test was not recorded.
  static func html(_ run: RunRecord) -> String {
    guard let test = run.history.test, !test.confusionMatrix.isEmpty else { return "" }
    let matrix = test.confusionMatrix
    let names = matrix.indices.map { Markup.escape(run.mistakes?.name($0) ?? "\($0)") }
    let head = names.map { "<th scope=\"col\">\($0)</th>" }.joined()
    let rows = matrix.enumerated().map { label, row in
      let total = row.reduce(0, +)
      let cells = row.enumerated().map { prediction, count in
        guard count > 0 else { return "<td></td>" }
        let share = Double(count) / Double(max(1, total))
        // Few mistakes among many images are what one looks for, hence the root.
        let strength = label == prediction ? share * 0.6 : min(0.9, 0.12 + share.squareRoot())
        let kind = label == prediction ? "right" : "wrong"
        return "<td class=\"\(kind)\" style=\"--share:\(Markup.coordinate(strength * 100))%\">\(count)</td>"
      }
      let recall = total > 0 ? Markup.percent(Double(row[label]) / Double(total)) : "–"
      return "<tr><th scope=\"row\">\(names[label])</th>\(cells.joined())<td>\(recall)</td></tr>"
    }
    let precision = matrix.indices.map { column in
      let claims = matrix.reduce(0) { $0 + $1[column] }
      return "<td>\(claims > 0 ? Markup.percent(Double(matrix[column][column]) / Double(claims)) : "–")</td>"
    }
    return """
      <div class="scroll"><table class="confusion"><caption>\(test.count) test image\(test.count == 1 ? "" : "s"); rows: true class, columns: \
      prediction</caption>
      <thead><tr><td></td>\(head)<th scope="col">found</th></tr></thead>
      <tbody>\(rows.joined(separator: "\n"))
      <tr><th scope="row">right</th>\(precision.joined())<td></td></tr></tbody></table></div>
      """
  }
}
