// Finds what a misspelt word was meant to be.

/// " Did you mean 'adam'?" with a leading space for the nearest candidate, or "" when none is near.
package func suggestion(for word: String, among candidates: [String]) -> String {
  let ranked = candidates.map { ($0, editDistance(word.lowercased(), $0.lowercased())) }
  guard let best = ranked.min(by: { $0.1 < $1.1 }), best.1 <= max(1, best.0.count / 3), best.0 != word else {
    return ""
  }
  return " Did you mean '\(best.0)'?"
}

/// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other (optimal
/// string alignment).
private func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a), Array(b))
  var rows = [Array(0...b.count)]
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, rows[i - 1][j - 1] + 1) }
      row.append(cost)
    }
    rows.append(row)
  }
  return rows[a.count][b.count]
}
