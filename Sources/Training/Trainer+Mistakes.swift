// The images that a network takes for something else, and how sure it is of that.

import ConvNet
import Datasets
import Foundation

/// A misclassified image.
public struct Mistake: Hashable, Sendable {
  /// Among the test images, from 0.
  public let index: Int
  /// Class numbers.
  public let label, prediction: Int
  /// What the network gives the prediction and the true class, 0…1.
  public let probability, labelProbability: Double
}

/// Keeps the mistakes of an evaluation of which the network is surest.
struct MistakeList {
  private let limit: Int
  private(set) var mistakes: [Mistake] = []

  /// - Parameter limit: how many to keep, 0 or more.
  init(limit: Int) {
    self.limit = limit
  }

  /// Takes up an image if it is misclassified.
  /// - Parameter logits: one for each class.
  mutating func add(index: Int, label: Int, prediction: Int, logits: UnsafeBufferPointer<Float>.SubSequence) {
    guard label != prediction, limit > 0 else { return }
    let largest = Double(logits.max() ?? 0)
    let total = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    func probability(_ number: Int) -> Double {
      exp(Double(logits[logits.startIndex + number]) - largest) / total
    }
    mistakes.append(
      Mistake(
        index: index, label: label, prediction: prediction, probability: probability(prediction),
        labelProbability: probability(label)))
    if mistakes.count >= 2 * limit + 1000 { cut() }
  }

  /// The surest first; among equals the one that came first.
  mutating func cut() {
    mistakes.sort { ($0.probability, -$0.index) > ($1.probability, -$1.index) }
    mistakes.removeLast(max(0, mistakes.count - limit))
  }
}
