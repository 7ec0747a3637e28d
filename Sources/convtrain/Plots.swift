// The curves of a run in the terminal.

import Reporting
import Terminal

/// Loss and accuracy, one below the other; a sentence for a run without a step.
func plots(of history: RunHistory, width: Int, usesColours: Bool) -> String {
  let plot = TextPlot(width: width, usesUnicode: Console.takesUnicode, usesColours: usesColours)
  let drawn = [history.lossChart, history.accuracyChart].filter { !$0.isEmpty }.map(plot.draw)
  return drawn.isEmpty ? "  nothing to plot: no step was made" : drawn.joined(separator: "\n\n")
}
