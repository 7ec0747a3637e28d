// Several runs side by side: their results, and what was different about them.

/// Runs in the order in which they were named.
public struct Comparison: Sendable {
  public let runs: [RunRecord]

  public init(_ runs: [RunRecord]) {
    let names = Self.names(runs.map(\.pathComponents))
    self.runs = zip(runs, names).map { run, name in
      var run = run
      run.name = name
      return run
    }
  }

  /// Of each path the shortest end that no other path has; the whole path where all of it is another's end, or where
  /// it is given twice.
  static func names(_ paths: [[String]]) -> [String] {
    paths.map { path in
      let others = Set(paths).subtracting([path])
      let count =
        (1...max(1, path.count)).first { count in
          !others.contains { $0.suffix(count) == path.suffix(count) }
        } ?? path.count
      let end = path.suffix(count).joined(separator: "/")
      // The root's own name is a stroke.
      return end.hasPrefix("//") ? String(end.dropFirst()) : end
    }
  }

  /// Names of the columns of ``row(_:)``.
  public static let columns = [
    "run", "network", "optimizer", "epochs", "last validation", "best validation", "test", "time", "images/s",
  ]

  /// A run's results as texts.
  public func row(_ run: RunRecord) -> [String] {
    let history = run.history
    return [
      run.name, run.setting("arch") ?? "–",
      run.optimizer ?? "–",
      "\(history.epochs.last?.epoch ?? 0)", Markup.percent(history.epochs.last?.validationAccuracy),
      history.bestEpoch?.validationAccuracy.map { "\(Markup.percent($0)) (\(history.bestEpoch?.epoch ?? 0))" }
        ?? "–",
      Markup.percent(history.test?.accuracy), history.epochs.isEmpty ? "–" : Markup.duration(history.seconds),
      history.epochs.last.map { Markup.number($0.imagesPerSecond.rounded()) } ?? "–",
    ]
  }

  /// Settings, of configuration and environment, that are not the same in all runs, with a value for each; nil where a
  /// run has none. Times of day are left out: they always differ.
  public var differences: [(name: String, values: [String?])] {
    let tables = runs.map { run in
      Dictionary((run.configuration + run.environment).map { ($0.name, $0.value) }) { first, _ in first }
    }
    var seen = Set<String>()
    let names = runs.flatMap { $0.configuration + $0.environment }.map(\.name).filter {
      seen.insert($0).inserted
    }
    return names.compactMap { name in
      guard name != "started", !name.hasPrefix("resumed") else { return nil }
      let values = tables.map { $0[name] }
      return Set(values).count > 1 ? (name, values) : nil
    }
  }

  /// Curves of all runs in one chart each: validation accuracy, validation loss, training loss.
  public var charts: [Chart] {
    func curves(_ style: Chart.Style, _ points: (RunHistory) -> [Chart.Point]) -> [Chart.Curve] {
      runs.enumerated().map { .init($1.name, points($1.history), style: style, colour: $0) }
    }
    return [
      Chart(
        title: "Validation accuracy", xLabel: "step", unit: .percent,
        curves: curves(.dotted) { history in
          history.epochs.compactMap { epoch in
            epoch.validationAccuracy.map { Chart.Point(Double(epoch.step), $0) }
          }
        }),
      Chart(
        title: "Validation loss", xLabel: "step",
        curves: curves(.dotted) { history in
          history.epochs.compactMap { epoch in
            epoch.validationLoss.map { Chart.Point(Double(epoch.step), $0) }
          }
        }),
      Chart(
        title: "Training loss, smoothed", xLabel: "step",
        curves: curves(.line) { history in
          RunHistory.smoothed(history.steps.map { Chart.Point(Double($0.step), $0.loss) })
        }),
    ].filter { !$0.isEmpty }
  }
}
