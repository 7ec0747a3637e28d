// CIFAR-10 and CIFAR-100 in their binary version.

/// Layout of the records: <https://www.cs.toronto.edu/~kriz/cifar.html>.
enum CIFARKind {
  case ten, hundred

  /// Bytes before the pixels; CIFAR-100 has a coarse label before the fine one.
  var labelBytes: Int { self == .ten ? 1 : 2 }
  var classes: Int { self == .ten ? 10 : 100 }
  var namesFile: String { self == .ten ? "batches.meta.txt" : "fine_label_names.txt" }
  var trainFiles: [String] { self == .ten ? (1...5).map { "data_batch_\($0).bin" } : ["train.bin"] }
  var testFile: String { self == .ten ? "test_batch.bin" : "test.bin" }
}

extension Dataset {
  /// Reads the binary files; fine labels for CIFAR-100. CIFAR-10 may lack some of its five training files.
  static func cifar(directory: String, name: String, _ kind: CIFARKind) throws(DatasetError) -> Dataset {
    let names = try ByteFile.names(in: directory)
    let parts = kind.trainFiles.filter(names.contains)
    guard !parts.isEmpty else {
      throw .missingFile(directory: directory, part: "training images", expected: kind.trainFiles[0])
    }
    guard names.contains(kind.testFile) else {
      throw .missingFile(directory: directory, part: "test images", expected: kind.testFile)
    }
    var train: (pixels: [UInt8], labels: [UInt8]) = ([], [])
    for part in parts {
      let records = try cifarRecords(directory + "/" + part, kind)
      train.pixels += records.pixels
      train.labels += records.labels
    }
    let test = try cifarRecords(directory + "/" + kind.testFile, kind)
    let shape = ImageShape(channels: 3, height: 32, width: 32)
    return Dataset(
      name: name, classNames: try cifarClassNames(directory, names, kind),
      train: LabeledImages(shape: shape, pixels: train.pixels, labels: train.labels),
      test: LabeledImages(shape: shape, pixels: test.pixels, labels: test.labels))
  }

  private static func cifarRecords(
    _ path: String, _ kind: CIFARKind
  ) throws(DatasetError) -> (pixels: [UInt8], labels: [UInt8]) {
    let bytes = try ByteFile.contents(path)
    let size = kind.labelBytes + 3072
    guard !bytes.isEmpty, bytes.count % size == 0 else {
      throw .malformed(
        path: path, reason: "holds \(bytes.count) bytes, which is no whole number of records of \(size)")
    }
    let count = bytes.count / size
    let labels = (0..<count).map { bytes[$0 * size + kind.labelBytes - 1] }
    if let index = labels.firstIndex(where: { $0 >= kind.classes }) {
      throw .labelOutOfRange(path: path, index: index, label: Int(labels[index]), valid: 0...kind.classes - 1)
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(count * 3072)
    for index in 0..<count { pixels += bytes[index * size + kind.labelBytes..<(index + 1) * size] }
    return (pixels, labels)
  }

  /// One name a line; numbers where the file is not there.
  private static func cifarClassNames(
    _ directory: String, _ names: [String], _ kind: CIFARKind
  ) throws(DatasetError) -> [String] {
    guard names.contains(kind.namesFile) else { return (0..<kind.classes).map(String.init) }
    let path = directory + "/" + kind.namesFile
    let lines = String(decoding: try ByteFile.contents(path), as: UTF8.self)
      .split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }
      .filter { !$0.isEmpty }.map(String.init)
    guard lines.count == kind.classes else {
      throw .malformed(path: path, reason: "names \(lines.count) classes, but there are \(kind.classes)")
    }
    return lines
  }
}
