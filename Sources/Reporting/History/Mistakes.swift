// The test images that a network took for something else, as a file of the run directory.

import Foundation

/// Some of the misclassified images, with their pixels, so that a report needs no data set.
public struct Mistakes: Codable, Hashable, Sendable {
  /// One image.
  public struct Image: Codable, Hashable, Sendable {
    /// Among the test images, from 0.
    public let index: Int
    /// Class numbers.
    public let label, prediction: Int
    /// What the network gave the prediction and the true class, 0…1.
    public let probability, labelProbability: Double
    /// Values 0…255 by channel, row, column.
    public let pixels: Data

    public init(
      index: Int, label: Int, prediction: Int, probability: Double, labelProbability: Double, pixels: [UInt8]
    ) {
      self.index = index
      self.label = label
      self.prediction = prediction
      self.probability = probability
      self.labelProbability = labelProbability
      self.pixels = Data(pixels)
    }

    private enum CodingKeys: String, CodingKey {
      case index, label, prediction, probability, pixels
      case labelProbability = "label_probability"
    }
  }

  /// Channels, height, width.
  public let shape: [Int]
  public let classNames: [String]
  /// Of all wrong answers, also those without a picture here.
  public let count: Int
  public let images: [Image]

  public init(shape: [Int], classNames: [String], count: Int, images: [Image]) {
    self.shape = shape
    self.classNames = classNames
    self.count = count
    self.images = images
  }

  private enum CodingKeys: String, CodingKey {
    case shape, count, images
    case classNames = "class_names"
  }

  public static let fileName = "misclassified.json"

  /// The file's content.
  public func json() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self))
  }

  /// A class by its name; by its number where a file has no name for it.
  func name(_ number: Int) -> String {
    classNames.indices.contains(number) ? classNames[number] : "\(number)"
  }
}
