// How good a network is on some images: loss, accuracy, and which classes it takes for which.

/// The result of an evaluation.
public struct Evaluation: Hashable, Sendable {
  /// Mean cross-entropy per image, in nats.
  public let loss: Double
  public let confusion: ConfusionMatrix

  public init(loss: Double, confusion: ConfusionMatrix) {
    self.loss = loss
    self.confusion = confusion
  }

  /// Share of images classified rightly, 0…1.
  public var accuracy: Double { confusion.accuracy }
  /// Images evaluated.
  public var count: Int { confusion.total }
}

/// How often each class was taken for each.
public struct ConfusionMatrix: Hashable, Sendable {
  public let classCount: Int
  /// `classCount` × `classCount`, row by row; a row is the true class, a column the prediction.
  private var counts: [Int]

  /// All zero.
  public init(classCount: Int) {
    self.classCount = classCount
    counts = [Int](repeating: 0, count: classCount * classCount)
  }

  /// Counts one image.
  /// - Precondition: both below `classCount`.
  public mutating func add(label: Int, prediction: Int) {
    precondition(
      0..<classCount ~= label && 0..<classCount ~= prediction,
      "label \(label) or prediction \(prediction) is not below \(classCount)")
    counts[label * classCount + prediction] += 1
  }

  /// Images of class `label` that were taken for `prediction`.
  public subscript(label label: Int, prediction prediction: Int) -> Int {
    counts[label * classCount + prediction]
  }

  /// Images counted.
  public var total: Int { counts.reduce(0, +) }

  /// Images on the diagonal.
  public var correct: Int { (0..<classCount).reduce(0) { $0 + self[label: $1, prediction: $1] } }

  /// `correct / total`; 0 for no images.
  public var accuracy: Double { total == 0 ? 0 : Double(correct) / Double(total) }

  /// Share of the images of a class that were found; `nil` if there are none.
  public func recall(_ label: Int) -> Double? {
    let images = (0..<classCount).reduce(0) { $0 + self[label: label, prediction: $1] }
    return images == 0 ? nil : Double(self[label: label, prediction: label]) / Double(images)
  }

  /// Share of the predictions of a class that are right; `nil` if there are none.
  public func precision(_ prediction: Int) -> Double? {
    let claims = (0..<classCount).reduce(0) { $0 + self[label: $1, prediction: prediction] }
    return claims == 0 ? nil : Double(self[label: prediction, prediction: prediction]) / Double(claims)
  }
}
