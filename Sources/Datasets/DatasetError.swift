// Everything that can be wrong with a data set on disk, each with its own text.

/// A data set that cannot be used. Each text names the file, what is wrong with it and what to do.
public enum DatasetError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No such file or folder.
  case notFound(path: String)
  /// The folder exists, but lacks one of its data set's files.
  case missingFile(directory: String, part: String, expected: String)
  /// The folder holds several data sets.
  case ambiguous(directory: String, names: [String])
  /// The path names a folder, pipe, device or socket where a file is needed, or a file where a folder is.
  case wrongKind(path: String, found: String, needed: String)
  /// The system refuses to open or read it.
  case unreadable(path: String, reason: String)
  /// The first bytes are not those of an IDX file of bytes.
  case badMagic(path: String, found: [UInt8], needed: String)
  /// The file ends inside its header.
  case headerTooShort(path: String, bytes: Int, needed: Int)
  /// A dimension of zero.
  case emptyDimension(path: String, dimensions: [Int])
  /// The dimensions multiply to more than a machine can address, or than the file could ever hold.
  case tooLarge(path: String, dimensions: [Int], limit: String)
  /// A raw file whose length is not what its header promises.
  case wrongLength(path: String, bytes: Int, needed: Int)
  /// A gzip file that ends before its data do.
  case truncatedGzip(path: String)
  /// A gzip file with damaged data, checksum or length.
  case corruptGzip(path: String, reason: String)
  /// A gzip file that holds fewer bytes than the header inside promises.
  case gzipTooShort(path: String, bytes: Int, needed: Int)
  /// A gzip file that holds more bytes than the header inside promises.
  case gzipTooLong(path: String, needed: Int)
  /// Images and labels of one part differ in number.
  case countMismatch(images: String, imageCount: Int, labels: String, labelCount: Int)
  /// Training and test images differ in shape.
  case shapeMismatch(train: String, trainShape: ImageShape, test: String, testShape: ImageShape)
  /// A label outside the data set's classes.
  case labelOutOfRange(path: String, index: Int, label: Int, valid: ClosedRange<Int>)

  /// The folder holds nothing that can be read as a data set.
  case noDataset(directory: String)
  /// A file that is not what its name says, or damaged.
  case malformed(path: String, reason: String)
  /// Images, arrays or folders that do not go together, or that cannot be used as they are.
  case unsuitable(path: String, reason: String, remedy: String)
  /// A known data set that is not, or not whole, in the home of data sets.
  case notFetched(name: String, path: String)
  /// Another process fetches that data set into `path`.
  case fetching(name: String, path: String, owner: String)
  /// A download that did not come to its end.
  case transfer(address: String, reason: String, target: String)
  /// A download that is another file than the published one.
  case wrongChecksum(address: String, found: String, expected: String)
  /// The system refuses to write there.
  case unwritable(path: String, reason: String)
  /// An augmentation's value outside its range.
  case augmentation(name: String, value: String, range: String)

  public var description: String {
    switch self {
    case .notFound(let path):
      return "\(path): no such file or folder; check the spelling, or use builtin or builtin-color"
    case .missingFile(let directory, let part, let expected):
      // Only IDX files are read packed.
      let packed = expected.hasSuffix("ubyte") ? ", as it is or with .gz" : ""
      return "\(directory): no \(part); expected a file like \(expected)\(packed)"
    case .ambiguous(let directory, let names):
      return "\(directory): holds several data sets (\(names.joined(separator: ", "))); "
        + "move the one to use into a folder of its own"
    case .wrongKind(let path, let found, let needed):
      return "\(path): is \(found), but \(needed) is needed; give the path of \(needed)"
    case .unreadable(let path, let reason):
      return "\(path): cannot be read (\(reason)); check its permissions and the disk"
    case .badMagic(let path, let found, let needed):
      let bytes = found.map { $0 < 16 ? "0\(String($0, radix: 16))" : String($0, radix: 16) }
      return "\(path): starts with the bytes \(bytes.joined(separator: " ")), not with \(needed); "
        + "it is another kind of file: download it again, or check that images and labels are not swapped"
    case .headerTooShort(let path, let bytes, let needed):
      return "\(path): holds \(bytes) bytes, less than its header of \(needed); download it again"
    case .emptyDimension(let path, let dimensions):
      return "\(path): its header says \(product(dimensions)), so it is empty; "
        + "use a data set with at least one image"
    case .tooLarge(let path, let dimensions, let limit):
      return "\(path): its header says \(product(dimensions)) bytes, more than \(limit); "
        + "the header is damaged: download it again"
    case .wrongLength(let path, let bytes, let needed):
      return "\(path): holds \(bytes) bytes, but its header promises \(needed); download it again"
    case .truncatedGzip(let path):
      return "\(path): the gzip data end too early; the download was cut off: download it again"
    case .corruptGzip(let path, let reason):
      return "\(path): the gzip data are damaged (\(reason)); download it again"
    case .gzipTooShort(let path, let bytes, let needed):
      return "\(path): unpacks to \(bytes) bytes, but the header inside promises \(needed); download it again"
    case .gzipTooLong(let path, let needed):
      return "\(path): unpacks to more than the \(needed) bytes that the header inside promises; "
        + "download it again from a source that you trust"
    case .countMismatch(let images, let imageCount, let labels, let labelCount):
      return "\(images) holds \(imageCount) images, but \(labels) holds \(labelCount) labels; "
        + "they are from different data sets: download both again"
    case .shapeMismatch(let train, let trainShape, let test, let testShape):
      return "\(train) holds images of \(trainShape), but \(test) of \(testShape); "
        + "training and test images must have one shape: use files of one data set"
    case .labelOutOfRange(let path, let index, let label, let valid):
      return "\(path): label \(label) of image \(index) is outside "
        + "\(valid.lowerBound)…\(valid.upperBound), the classes of this data set; "
        + "download it again, or use files of one data set"
    case .noDataset(let directory):
      return
        "\(directory): holds no data set that is known here; expected IDX files (train-images-idx3-ubyte …), "
        + "CIFAR's binary files (data_batch_1.bin …, or train.bin), NumPy files (x_train.npy …), or folders of "
        + "images (train/CLASS/*.png)"
    case .malformed(let path, let reason):
      return "\(path): \(reason); the file is damaged or of another kind: make or download it again"
    case .unsuitable(let path, let reason, let remedy):
      return "\(path): \(reason); \(remedy)"
    case .notFetched(let name, let path):
      return
        "\(name): is not here, or not all of it (in \(path)); fetch it with: convtrain datasets fetch \(name)"
    case .fetching(let name, let path, let owner):
      return "\(path): \(owner) fetches \(name) already; wait for its end, or name another folder with --to"
    case .transfer(let address, let reason, let target):
      return
        "\(address): cannot be fetched (\(reason)); try again, give another --mirror, or download it by other "
        + "means, put it at \(target), and run fetch again, which checks and unpacks it"
    case .wrongChecksum(let address, let found, let expected):
      return "\(address): came with the MD5 checksum \(found), but \(expected) is the published one; "
        + "it was not kept: fetch it again, or from another --mirror"
    case .unwritable(let path, let reason):
      return "\(path): cannot be written (\(reason)); choose another place with --to, or free space"
    case .augmentation(let name, let value, let range):
      return "augmentation: \(name) \(value) is out of range; use \(range)"
    }
  }

  private func product(_ dimensions: [Int]) -> String {
    dimensions.map(String.init).joined(separator: " × ")
  }
}
