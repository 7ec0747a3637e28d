// A data set from pairs of NumPy arrays.

/// The four files of a data set of arrays, under the names in use.
struct NumPyNames {
  private static let spellings: [(part: String, images: String, labels: String)] = [
    ("train", "x_train", "y_train"), ("train", "X_train", "y_train"),
    ("train", "train_images", "train_labels"),
    ("train", "train_x", "train_y"), ("train", "train-images", "train-labels"),
    ("train", "images_train", "labels_train"), ("test", "x_test", "y_test"), ("test", "X_test", "y_test"),
    ("test", "test_images", "test_labels"), ("test", "test_x", "test_y"),
    ("test", "test-images", "test-labels"),
    ("test", "images_test", "labels_test"),
  ]

  /// Whether one of the names is that of such a file.
  static func holdsAny(of names: [String]) -> Bool {
    spellings.contains { names.contains($0.images + ".npy") || names.contains($0.labels + ".npy") }
  }

  let images, labels: String

  /// Finds one part's two files.
  init(part: String, in directory: String) throws(DatasetError) {
    let names = try ByteFile.names(in: directory)
    let candidates = Self.spellings.filter { $0.part == part }
    let found = candidates.filter { names.contains($0.images + ".npy") }
    guard found.count <= 1 else {
      throw .ambiguous(directory: directory, names: found.map { $0.images + ".npy" })
    }
    let word = part == "train" ? "training" : "test"
    guard let pair = found.first else {
      throw .missingFile(directory: directory, part: "\(word) images", expected: "x_\(part).npy")
    }
    guard names.contains(pair.labels + ".npy") else {
      throw .missingFile(directory: directory, part: "\(word) labels", expected: pair.labels + ".npy")
    }
    images = directory + "/" + pair.images + ".npy"
    labels = directory + "/" + pair.labels + ".npy"
  }
}

extension Dataset {
  /// Images: `uint8`, or floats of 0…1, as [N, H, W], [N, H, W, C] or [N, C, H, W] with 1 or 3 channels. Labels:
  /// whole numbers from 0, as [N] or [N, 1]; as many classes as the largest training label needs.
  static func numpy(directory: String, name: String) throws(DatasetError) -> Dataset {
    let trainNames = try NumPyNames(part: "train", in: directory)
    let testNames = try NumPyNames(part: "test", in: directory)
    let trainLabels = try numpyLabels(trainNames.labels, below: 256)
    let classes = Int(trainLabels.max() ?? 0) + 1
    guard classes > 1 else {
      throw .unsuitable(
        path: trainNames.labels, reason: "all its labels are 0, which is one class",
        remedy: "two or more are needed, with labels from 0")
    }
    let testLabels = try numpyLabels(testNames.labels, below: classes)
    let train = try numpyImages(trainNames, labels: trainLabels)
    let test = try numpyImages(testNames, labels: testLabels)
    guard train.shape == test.shape else {
      throw .shapeMismatch(
        train: trainNames.images, trainShape: train.shape, test: testNames.images, testShape: test.shape)
    }
    return Dataset(name: name, classNames: (0..<classes).map(String.init), train: train, test: test)
  }

  private static func numpyLabels(_ path: String, below limit: Int) throws(DatasetError) -> [UInt8] {
    let file = try NumPyFile(path: path)
    guard file.kind != "f", file.shape.count == 1 || file.shape.count == 2 && file.shape[1] == 1 else {
      throw .unsuitable(
        path: path, reason: "holds an array of type '\(file.descriptor)' and shape \(file.shape)",
        remedy: "labels are whole numbers, one for each image: shape [N] (one-hot labels: use argmax(axis=1))"
      )
    }
    var labels: [UInt8] = []
    labels.reserveCapacity(file.count)
    for index in 0..<file.count {
      guard let label = file.integer(index), (0..<limit).contains(label) else {
        throw .labelOutOfRange(
          path: path, index: index, label: file.integer(index) ?? .max, valid: 0...limit - 1)
      }
      labels.append(UInt8(label))
    }
    return labels
  }

  private static func numpyImages(
    _ names: NumPyNames, labels: [UInt8]
  ) throws(DatasetError) -> LabeledImages {
    let file = try NumPyFile(path: names.images)
    let form = try numpyForm(file)
    guard file.shape[0] == labels.count else {
      throw .countMismatch(
        images: names.images, imageCount: file.shape[0], labels: names.labels, labelCount: labels.count)
    }
    let values = try numpyPixels(file)
    guard form.channelsAreLast, form.shape.channels > 1 else {
      return LabeledImages(shape: form.shape, pixels: values, labels: labels)
    }
    let (channels, plane) = (form.shape.channels, form.shape.height * form.shape.width)
    var pixels = [UInt8](repeating: 0, count: values.count)
    for image in 0..<labels.count {
      for element in 0..<plane {
        for channel in 0..<channels {
          pixels[(image * channels + channel) * plane + element] =
            values[(image * plane + element) * channels + channel]
        }
      }
    }
    return LabeledImages(shape: form.shape, pixels: pixels, labels: labels)
  }

  /// Values 0…255, in the file's order.
  private static func numpyPixels(_ file: NumPyFile) throws(DatasetError) -> [UInt8] {
    if file.descriptor.dropFirst() == "u1" { return Array(file.rawBytes) }
    guard file.kind == "f" else {
      throw .unsuitable(
        path: file.path, reason: "holds images of type '\(file.descriptor)'",
        remedy: "save them as uint8 (0…255) or float32 (0…1)")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(file.count)
    for index in 0..<file.count {
      let value = file.number(index)
      guard (0...1).contains(value) else {
        throw .unsuitable(
          path: file.path, reason: "holds the value \(value), but images of floats have values of 0…1",
          remedy: "divide by the largest value, or save the images as uint8")
      }
      pixels.append(UInt8((value * 255).rounded()))
    }
    return pixels
  }

  private static func numpyForm(
    _ file: NumPyFile
  ) throws(DatasetError) -> (shape: ImageShape, channelsAreLast: Bool) {
    let sizes = file.shape
    func refusal(_ reason: String) -> DatasetError {
      .unsuitable(
        path: file.path, reason: "\(reason) of shape \(sizes)",
        remedy: "images are [N, H, W], [N, H, W, C] or [N, C, H, W] with 1 or 3 channels")
    }
    if sizes.count == 3 { return (ImageShape(channels: 1, height: sizes[1], width: sizes[2]), false) }
    guard sizes.count == 4 else { throw refusal("holds an array") }
    let (first, last) = ([1, 3].contains(sizes[1]), [1, 3].contains(sizes[3]))
    switch (first, last) {
    case (true, false): return (ImageShape(channels: sizes[1], height: sizes[2], width: sizes[3]), false)
    case (false, true): return (ImageShape(channels: sizes[3], height: sizes[1], width: sizes[2]), true)
    case (true, true): throw refusal("it cannot be told where the channels are in an array")
    case (false, false): throw refusal("holds an array")
    }
  }
}
