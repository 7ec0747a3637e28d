// The page about one run: curves, confusion, mistakes, numbers, settings.

import Foundation
import Training

/// `report.html`: one file that needs no other, no network and no script.
public enum ReportPage {
  /// In the run directory.
  public static let fileName = "report.html"

  /// The page's whole text.
  public static func html(_ run: RunRecord) -> String {
    let charts = run.history.charts.map(SVGChart.figure).joined(separator: "\n")
    let sections = [
      header(run),
      section(
        "Curves", charts.isEmpty ? "<p>No step was made.</p>" : "<div class=\"charts\">\n\(charts)\n</div>"),
      section("Confusion", ConfusionTable.html(run)),
      section("Misclassified images", mistakes(run.mistakes)),
      section("Epochs", epochs(run.history)),
      section("Settings", Markup.table(run.configuration, caption: "config.json")),
      section("Environment", Markup.table(run.environment, caption: "environment.json")),
    ]
    return PageStyle.page(
      title: "\(run.name) · convtrain", body: "<main>\n\(sections.joined(separator: "\n"))\n</main>")
  }

  private static func section(_ title: String, _ content: String) -> String {
    content.isEmpty ? "" : "<section aria-label=\"\(title)\"><h2>\(title)</h2>\n\(content)\n</section>"
  }

  private static func header(_ run: RunRecord) -> String {
    let history = run.history
    var figures: [(String, String)] = []
    if let test = history.test {
      figures.append(("test accuracy", Markup.percent(test.accuracy)))
      figures.append(("test loss", Markup.number(test.loss)))
    }
    if let best = history.bestEpoch, let accuracy = best.validationAccuracy {
      figures.append(("best validation, epoch \(best.epoch)", Markup.percent(accuracy)))
    }
    if let last = history.epochs.last {
      figures.append(("epochs", "\(last.epoch)"))
      figures.append(("images/s", Markup.number(last.imagesPerSecond.rounded())))
      figures.append(("training and validation", Markup.duration(history.seconds)))
    }
    let items = figures.map { "<li>\($0.0)<b>\(Markup.escape($0.1))</b></li>" }
    let what = [run.setting("arch"), run.optimizer].compactMap { $0 }
    let notes = run.notes.map { "<p class=\"note\">\(Markup.escape($0))</p>" }
    return """
      <header><h1>\(Markup.escape(run.name))</h1>
      <p class="soft">\(Markup.escape(what.joined(separator: " · ")))</p>
      \(notes.joined())<ul class="key-figures">\(items.joined())</ul></header>
      """
  }

  private static func mistakes(_ mistakes: Mistakes?) -> String {
    guard let mistakes else { return "" }
    guard mistakes.count > 0 else { return "<p>None.</p>" }
    let pictures = mistakes.images.map { image in
      let (label, prediction) = (mistakes.name(image.label), mistakes.name(image.prediction))
      let file =
        mistakes.shape.count == 3
        ? PNG.encode(
          pixels: Array(image.pixels), channels: mistakes.shape[0], height: mistakes.shape[1],
          width: mistakes.shape[2]) : nil
      let text = "image \(image.index): \(label), taken for \(prediction)"
      let picture =
        file.map { bytes in
          let data = Data(bytes).base64EncodedString()
          return "<img alt=\"\(Markup.escape(text))\" src=\"data:image/png;base64,\(data)\">"
        } ?? "<p>no picture</p>"
      return """
        <li>\(picture)<br><b>\(Markup.escape(label))</b> → <b>\(Markup.escape(prediction))</b><br>\
        <span class="soft">\(Markup.percent(image.probability)) sure, true \(Markup.percent(image.labelProbability))</span></li>
        """
    }
    return """
      <p class="soft">\(mistakes.images.count) of \(mistakes.count), those first of which the network was surest: \
      true class → prediction.</p>
      <ul class="mistakes">\(pictures.joined(separator: "\n"))</ul>
      """
  }

  private static func epochs(_ history: RunHistory) -> String {
    guard !history.epochs.isEmpty else { return "" }
    let hasFast = history.hasFastWeights
    let names =
      ["epoch", "step", "training loss", "accuracy", "validation loss", "accuracy"]
      + (hasFast ? ["\(history.trainedWeights)’ loss", "accuracy"] : []) + [
        "learning rate", "images/s", "time",
      ]
    let head = names.map { "<th scope=\"col\">\($0)</th>" }.joined()
    let rows = history.epochs.map { epoch in
      let cells =
        [
          "\(epoch.step)", Markup.number(epoch.trainLoss), Markup.percent(epoch.trainAccuracy),
          Markup.number(epoch.validationLoss), Markup.percent(epoch.validationAccuracy),
        ]
        + (hasFast
          ? [Markup.number(epoch.fastValidationLoss), Markup.percent(epoch.fastValidationAccuracy)] : [])
        + [
          Markup.number(epoch.learningRate), Markup.number(epoch.imagesPerSecond.rounded()),
          Markup.duration(epoch.seconds),
        ]
      let best = epoch.epoch == history.bestEpoch?.epoch ? " (best)" : ""
      return "<tr><th scope=\"row\">\(epoch.epoch)\(best)</th>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
    }
    return """
      <div class="scroll"><table><caption>Each epoch and its validation</caption><thead><tr>\(head)</tr></thead>
      <tbody>\(rows.joined(separator: "\n"))</tbody></table></div>
      """
  }
}
