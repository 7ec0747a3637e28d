// A data set from a folder with a folder of images for each class.

/// `train/CLASS/…` with `test/CLASS/…` (or `val`, `valid`, `validation`), or classes alone, which a seed divides.
struct ImageFolder {
  private let directory: String
  /// Where the classes lie, by part; no test folder: one fifth of the training images.
  private let train: String
  private let test: String?

  private static let testNames = ["test", "val", "valid", "validation"]

  /// Whether a folder has class folders with images.
  static func isSeen(among names: [String], in directory: String) -> Bool {
    let root = names.contains("train") ? directory + "/train" : directory
    guard let classes = try? classNames(in: root) else { return false }
    return classes.contains { name in
      (try? ByteFile.names(in: root + "/" + name))?.contains(where: PixelImage.isImage) ?? false
    }
  }

  private static func classNames(in directory: String) throws(DatasetError) -> [String] {
    try ByteFile.names(in: directory).filter { ByteFile.isDirectory(directory + "/" + $0) }
  }

  init(directory: String) throws(DatasetError) {
    self.directory = directory
    let names = try ByteFile.names(in: directory)
    guard names.contains("train") else {
      (train, test) = (directory, nil)
      return
    }
    train = directory + "/train"
    let found = Self.testNames.filter { names.contains($0) }
    // Beside a test part, a validation part is no contradiction: convtrain holds its own validation images back.
    test = found.first.map { directory + "/" + $0 }
  }

  /// Reads all images. Those of one class follow one another by name.
  func dataset(name: String, _ form: ImageForm, seed: UInt64) throws(DatasetError) -> Dataset {
    let classes = try Self.classNames(in: train)
    guard (2...256).contains(classes.count) else {
      throw .unsuitable(
        path: train, reason: "has \(classes.count) class folder\(classes.count == 1 ? "" : "s")",
        remedy: "2 to 256 classes are needed, each a folder of its images")
    }
    var reader = ImageFolderReader(form: form)
    let all = try reader.read(train, classes)
    if let test {
      let unknown = try Self.classNames(in: test).filter { !classes.contains($0) }
      guard unknown.isEmpty else {
        throw .unsuitable(
          path: test, reason: "has the class \(unknown[0]), which \(train) has not",
          remedy: "both parts need the same class folders")
      }
      let rest = try reader.read(test, classes)
      guard rest.count > 0 else {
        throw .unsuitable(
          path: test, reason: "holds no images", remedy: "put PNG or JPEG files into its class folders")
      }
      return Dataset(name: name, classNames: classes, train: all, test: rest)
    }
    guard all.count >= 2 else {
      throw .unsuitable(
        path: train, reason: "holds \(all.count) image",
        remedy: "at least two are needed, to train and to test with")
    }
    let parts = Self.divide(all.count, seed: seed)
    func part(_ indices: [Int]) -> LabeledImages {
      LabeledImages(
        shape: all.shape, pixels: indices.flatMap { all.image($0) }, labels: indices.map { all.labels[$0] })
    }
    return Dataset(name: name, classNames: classes, train: part(parts.train), test: part(parts.test))
  }

  /// One image in five, at least one, is for the test.
  static func divide(_ count: Int, seed: UInt64) -> (train: [Int], test: [Int]) {
    var random = SplitMix64(seed: seed, stream: RandomPurpose.testPart)
    let order = random.permutation(count)
    let held = max(1, count / 5)
    return (order.dropFirst(held).sorted(), order.prefix(held).sorted())
  }
}

/// Reads class folders and sees to it that all images are of one shape.
private struct ImageFolderReader {
  let form: ImageForm
  private var first: (shape: ImageShape, path: String)?

  init(form: ImageForm) {
    self.form = form
  }

  mutating func read(_ directory: String, _ classes: [String]) throws(DatasetError) -> LabeledImages {
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    for (label, name) in classes.enumerated() {
      let folder = directory + "/" + name
      guard ByteFile.isDirectory(folder) else { continue }
      for file in try ByteFile.names(in: folder) where PixelImage.isImage(file) {
        let path = folder + "/" + file
        let image = try PixelImage(path: path).inForm(form)
        try check(image.shape, path)
        pixels += image.pixels
        labels.append(UInt8(label))
      }
    }
    let shape = first?.shape ?? ImageShape(channels: 1, height: 1, width: 1)
    return LabeledImages(shape: shape, pixels: pixels, labels: labels)
  }

  private mutating func check(_ shape: ImageShape, _ path: String) throws(DatasetError) {
    guard let first else {
      self.first = (shape, path)
      return
    }
    guard shape != first.shape else { return }
    let sizesDiffer = shape.height != first.shape.height || shape.width != first.shape.width
    throw .unsuitable(
      path: path, reason: "is an image of \(shape), but \(first.path) is one of \(first.shape)",
      remedy: sizesDiffer ? "give --image-size, such as 32" : "give --channels 1 for grey or 3 for colour")
  }
}
