// Cases about what an optimizer is for: it makes a loss smaller.

import Foundation
import OptimizerHost

extension ValidationCase {
  static let descent: [ValidationCase] = [
    ValidationCase("descends-a-quadratic", "With its default values, a convex quadratic gets smaller.") {
      subject in
      let shapes: [(name: String, shape: [Int])] = [("m", [8, 8]), ("w", [40])]
      // Curvatures from 0.1 to 1.
      func curvature(_ element: Int) -> Double { 0.1 + 0.9 * Double(element % 10) / 9 }
      try descend(subject, shapes) { tensors in
        let loss = tensors.joined().enumerated().reduce(0.0) {
          $0 + 0.5 * curvature($1.offset) * $1.element * $1.element
        }
        var place = 0
        let gradients = tensors.map { tensor in
          tensor.map { value in
            defer { place += 1 }
            return curvature(place) * value
          }
        }
        return (loss, gradients)
      }
    },
    ValidationCase("descends-rosenbrock", "With its default values, Rosenbrock's valley is entered.") {
      subject in
      // Rosenbrock 1960, https://doi.org/10.1093/comjnl/3.3.175, as a sum over pairs, a hundredth of it: what an
      // author takes for a usual learning rate shall be small enough.
      try descend(subject, [("w", [4, 2])], start: { $0 % 2 == 0 ? -1.2 : 1 }) { tensors in
        var (loss, gradient) = (0.0, tensors[0])
        for i in stride(from: 0, to: tensors[0].count, by: 2) {
          let (x, y) = (tensors[0][i], tensors[0][i + 1])
          loss += (y - x * x) * (y - x * x) + (1 - x) * (1 - x) / 100
          gradient[i] = -4 * x * (y - x * x) - (1 - x) / 50
          gradient[i + 1] = 2 * (y - x * x)
        }
        return (loss, [gradient])
      }
    },
  ]

  /// Trains on a loss and wants it to get smaller.
  private static func descend(
    _ subject: Subject, _ shapes: [(name: String, shape: [Int])], start: ((Int) -> Double)? = nil,
    _ loss: @escaping ([[Double]]) -> (loss: Double, gradients: [[Double]])
  ) throws {
    let training = try Training(
      subject,
      TrainingOptions(
        shapes: shapes,
        loss: { training in
          let now = loss(training.allValues)
          for (i, gradient) in now.gradients.enumerated() {
            for (element, value) in gradient.enumerated() { training.setGradient(i, element, to: value) }
          }
          return now.loss
        }))
    if let start {
      for parameter in training.parameters {
        for element in 0..<parameter.count {
          training.dtype.store(start(element), to: parameter.values, at: element)
        }
      }
    }
    let first = loss(training.allValues).loss
    // Some need long to get going; none may need longer than this to get anywhere.
    for step in 1...2000 {
      try training.step()
      let now = loss(training.allValues).loss
      try expect(now.isFinite, "the loss is \(now) on step \(step); it was \(first) at the start")
      if step >= 50, now < 0.98 * first { return }
    }
    throw Verdict.failed(
      "after 2000 steps the loss is \(loss(training.allValues).loss); it was \(first) at the start")
  }
}
