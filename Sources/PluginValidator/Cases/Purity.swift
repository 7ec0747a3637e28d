// Cases about what a step may depend on: what the frame shows, and nothing else.

import Foundation
import OptimizerHost

extension ValidationCase {
  static let purity: [ValidationCase] = [
    ValidationCase("cut-invariance", "The bits do not depend on how tensors are cut into pieces.") {
      subject in
      let whole = try snapshot(subject, TrainingOptions(), steps: 5)
      for length in [1, 7, 64, 100] {
        try snapshot(subject, TrainingOptions(pieceElements: length), steps: 5)
          .expectSame(as: whole, "in pieces of \(length) elements")
      }
    },
    ValidationCase("order-invariance", "The bits do not depend on the order in which pieces are done.") {
      subject in
      let inOrder = try snapshot(subject, TrainingOptions(pieceElements: 16), steps: 5)
      try snapshot(subject, TrainingOptions(pieceElements: 16), steps: 5) { $1 - 1 - $0 }
        .expectSame(as: inOrder, "from the last piece to the first")
      var orders: [Int: [Int]] = [:]
      try snapshot(subject, TrainingOptions(pieceElements: 16), steps: 5) { place, count in
        let order =
          orders[count]
          ?? (0..<count).sorted { mixed(subject.seed &+ UInt64($0)) < mixed(subject.seed &+ UInt64($1)) }
        orders[count] = order
        return order[place]
      }.expectSame(as: inOrder, "in a random order")
    },
    ValidationCase(
      "segment-order-invariance", "The bits do not depend on the order of the segments of one call."
    ) { subject in
      let inOrder = try snapshot(subject, TrainingOptions(), steps: 5)
      let training = try Training(subject)
      let editor = try FrameEditor(subject, training)
      editor.copy.reversesSegments = true
      try editor.step(training, times: 5)
      try training.snapshot().expectSame(as: inOrder, "with the segments of each call reversed")
    },
    ValidationCase(
      "thread-invariance", "The bits do not depend on how many threads step one instance at once."
    ) { subject in
      // Enough that the host finds it worth its threads.
      let shapes: [(name: String, shape: [Int])] = [("w", [40_000]), ("m", [60, 50])]
      let alone = try snapshot(subject, TrainingOptions(shapes: shapes, pieceElements: 512), steps: 3)
      for threads in [2, 3, 4] {
        try snapshot(
          subject, TrainingOptions(shapes: shapes, threads: threads, pieceElements: 512), steps: 3
        ).expectSame(as: alone, "with \(threads) threads")
      }
    },
    ValidationCase("steps-on-any-thread", "The bits do not depend on which thread steps.") { subject in
      let here = try snapshot(subject, TrainingOptions(), steps: 24)
      let training = try Training(subject)
      for _ in 0..<24 { try onNewThread { try training.step() } }
      try training.snapshot().expectSame(as: here, "with each step on a new thread")
    },
    ValidationCase("repeats-itself", "The same run gives the same bits again, forty times.") { subject in
      let options = TrainingOptions(shapes: [("w", [3, 11])])
      let first = try snapshot(subject, options, steps: 3)
      for run in 2...40 {
        try snapshot(subject, options, steps: 3).expectSame(as: first, "in run \(run) of one process")
      }
    },
  ]

  /// What is left after some steps.
  static func snapshot(
    _ subject: Subject, _ options: TrainingOptions, steps: Int, order: ((Int, Int) -> Int)? = nil
  ) throws -> Snapshot {
    let training = try Training(subject, options)
    training.optimizer.setBatchOrder(order)
    try training.step(times: steps)
    return training.snapshot()
  }
}
