// What a run leaves to look at: the page, the pictures of its mistakes, TensorBoard's events.

import Datasets
import Foundation
import Reporting
import Terminal
import Training

/// The sinks of one run that write for people.
struct RunReports {
  /// The most pictures of misclassified images in a report.
  static let pictures = 60

  let directory: String?
  let board: TensorBoardSink?

  /// - Parameter directory: of the run; nil where none is wanted.
  /// - Throws: ``ReportingError``.
  init(_ options: DisplayOptions, directory: String?, settings: [(name: String, value: String)]) throws {
    self.directory = directory
    let own = options.tensorboard ? directory.map { "\($0)/tensorboard" } : nil
    board = try (options.tensorboardDir ?? own).map { try TensorBoardSink(folder: $0, settings: settings) }
  }

  /// Writes what a run ends with.
  /// - Throws: ``ReportingError``, `TrainingError`.
  func finish(_ test: Evaluation, _ mistakes: [Mistake], dataset: Dataset) throws {
    board?.add(.test(EventRecord.Test(test)))
    try board?.finish()
    guard let directory else { return }
    let shape = dataset.shape
    let content = Mistakes(
      shape: [shape.channels, shape.height, shape.width], classNames: dataset.classNames,
      count: test.count - test.confusion.correct,
      images: mistakes.map { mistake in
        Mistakes.Image(
          index: mistake.index, label: mistake.label, prediction: mistake.prediction,
          probability: mistake.probability, labelProbability: mistake.labelProbability,
          pixels: Array(dataset.test.image(mistake.index)))
      })
    try AtomicFile.write([try content.json()], to: "\(directory)/\(Mistakes.fileName)")
    try writePage()
  }

  /// Writes what an interrupted or failed run has to show; the reason why it stopped matters more than a page.
  func finishEarly() {
    try? board?.finish()
    try? writePage()
  }

  private func writePage() throws {
    guard let directory else { return }
    let page = ReportPage.html(try RunRecord(reading: directory))
    try AtomicFile.write([Array(page.utf8)], to: "\(directory)/\(ReportPage.fileName)")
  }
}
