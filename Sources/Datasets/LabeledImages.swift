// What every data set becomes: images of one shape with a class number each, in a training and a test part.

/// The shape of one image; its elements lie channel by channel, row by row (CHW).
public struct ImageShape: Hashable, Sendable, CustomStringConvertible {
  /// Colour planes: 1 for grey, 3 for colour.
  public let channels: Int
  /// Rows.
  public let height: Int
  /// Columns.
  public let width: Int

  public init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Elements of one image.
  public var count: Int { channels * height * width }

  /// Width by height by channels, as people write it: `28×28×1`.
  public var description: String { "\(width)×\(height)×\(channels)" }
}

/// `count` images of one shape and their class numbers.
public struct LabeledImages: Sendable {
  public let shape: ImageShape
  /// `count · shape.count` values 0…255, image after image, each in the order channel, row, column (NCHW).
  public let pixels: [UInt8]
  /// One class number per image, counted from 0.
  public let labels: [UInt8]

  /// - Precondition: `pixels.count == labels.count * shape.count`.
  public init(shape: ImageShape, pixels: [UInt8], labels: [UInt8]) {
    precondition(
      pixels.count == labels.count * shape.count,
      "\(pixels.count) pixel values do not make \(labels.count) images of \(shape)")
    self.shape = shape
    self.pixels = pixels
    self.labels = labels
  }

  /// Number of images.
  public var count: Int { labels.count }

  /// Image `index` as its values 0…255 in the order channel, row, column.
  public func image(_ index: Int) -> ArraySlice<UInt8> {
    pixels[index * shape.count..<(index + 1) * shape.count]
  }
}

/// A data set: what a network learns from and what it is judged by.
public struct Dataset: Sendable {
  /// A short name for tables: `builtin`, or the folder's name.
  public let name: String
  /// One name per class; a label is an index into it.
  public let classNames: [String]
  /// For training (and validation, see ``Split``).
  public let train: LabeledImages
  /// For the final test only.
  public let test: LabeledImages

  /// - Precondition: both parts have the same shape, neither is empty, and every label is below the number
  ///   of class names.
  public init(name: String, classNames: [String], train: LabeledImages, test: LabeledImages) {
    precondition(train.shape == test.shape, "training and test images differ in shape")
    precondition(train.count > 0 && test.count > 0, "a data set needs training and test images")
    precondition(
      (train.labels + test.labels).allSatisfy { Int($0) < classNames.count },
      "a label is not below the number of classes, \(classNames.count)")
    self.name = name
    self.classNames = classNames
    self.train = train
    self.test = test
  }

  /// Shape of each image.
  public var shape: ImageShape { train.shape }
  /// Number of classes.
  public var classCount: Int { classNames.count }
}
