// The charts of a run: loss, accuracy, learning rate.

import Training

extension RunHistory {
  /// Loss, accuracy and learning rate over the steps, without those that have nothing to show.
  public var charts: [Chart] { [lossChart, accuracyChart, learningRateChart].filter { !$0.isEmpty } }

  /// Whether the weights being trained were validated beside the ones that count.
  var hasFastWeights: Bool { epochs.contains { $0.fastValidationAccuracy != nil } }
  /// What the two are called: Lookahead's have names of their own, which those of other averages do not share.
  private var weightNames: (judged: String, trained: String) {
    steps.contains(where: \.isSynchronized)
      ? ("slow weights", "fast weights") : ("averaged weights", "trained weights")
  }
  var trainedWeights: String { weightNames.trained }
  private var validationName: String { hasFastWeights ? "validation, \(weightNames.judged)" : "validation" }
  private var fastValidationName: String { "validation, \(weightNames.trained)" }
  private var synchronizations: [Double] { steps.filter(\.isSynchronized).map { Double($0.step) } }

  public var lossChart: Chart {
    let raw = steps.map { Chart.Point(Double($0.step), $0.loss) }
    return Chart(
      title: "Loss", xLabel: "step",
      curves: [
        .init("training, each step", raw, style: .faint, colour: 0),
        .init("training, smoothed", Self.smoothed(raw), style: .line, colour: 0),
        .init(validationName, points { $0.validationLoss }, style: .dotted, colour: 1),
        .init(fastValidationName, points { $0.fastValidationLoss }, style: .dotted, colour: 2),
      ], marks: synchronizations, markName: "synchronizations of the slow weights")
  }

  public var accuracyChart: Chart {
    Chart(
      title: "Accuracy", xLabel: "step", unit: .percent,
      curves: [
        .init(
          "training, epoch so far",
          steps.map { Chart.Point(Double($0.step), $0.accuracy) }, style: .line, colour: 0),
        .init(validationName, points { $0.validationAccuracy }, style: .dotted, colour: 1),
        .init(fastValidationName, points { $0.fastValidationAccuracy }, style: .dotted, colour: 2),
      ], marks: synchronizations, markName: "synchronizations of the slow weights")
  }

  public var learningRateChart: Chart {
    Chart(
      title: "Learning rate", xLabel: "step",
      curves: [
        .init(
          "learning rate",
          steps.compactMap { step in step.learningRate.map { Chart.Point(Double(step.step), $0) } },
          style: .line, colour: 3)
      ])
  }

  private func points(_ value: (EventRecord.Epoch) -> Double?) -> [Chart.Point] {
    epochs.compactMap { epoch in value(epoch).map { Chart.Point(Double(epoch.step), $0) } }
  }

  /// A running mean in which a step counts a share 1/n less with each step that follows, n a fiftieth of the steps.
  /// What the start lacks is divided out, as in Adam's bias correction.
  static func smoothed(_ points: [Chart.Point]) -> [Chart.Point] {
    let decay = 1 - 1 / max(1, Double(points.count) / 50)
    var (sum, weight) = (0.0, 0.0)
    return points.filter(\.isFinite).map { point in
      sum = decay * sum + point.y
      weight = decay * weight + 1
      return Chart.Point(point.x, sum / weight)
    }
  }
}
