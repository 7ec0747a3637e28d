// Data sets that can be fetched by name: their files, checksums, sources and terms.

/// A published data set.
///
/// Checksums of MNIST, Fashion-MNIST and KMNIST: torchvision's `datasets/mnist.py`,
/// <https://github.com/pytorch/vision/blob/main/torchvision/datasets/mnist.py>. Those of CIFAR are on
/// <https://www.cs.toronto.edu/~kriz/cifar.html>. Sizes where they are published; `nil`: not checked.
public struct KnownDataset: Hashable, Sendable {
  /// One file to fetch.
  public struct File: Hashable, Sendable {
    public let name: String
    /// 32 hexadecimal digits.
    public let md5: String
    /// In bytes.
    public let size: Int?
    /// For an archive: the files to take from it. Empty: the file is used as it is.
    public let members: [String]
  }

  /// On the command line, and of its folder.
  public let name: String
  /// In a few words.
  public let summary: String
  public let terms: String
  /// Addresses of folders with the files, in the order in which they are tried; each ends with `/`.
  public let mirrors: [String]
  public let files: [File]

  public static let all = [mnist, fashionMNIST, kmnist, cifar10, cifar100]

  /// - Parameter name: in any case, with `_` or `-`, or without: `Fashion_MNIST`, `cifar-10`.
  public init?(name: String) {
    func plain(_ text: String) -> String { text.lowercased().filter { $0 != "-" && $0 != "_" } }
    guard let known = Self.all.first(where: { plain($0.name) == plain(name) }) else { return nil }
    self = known
  }

  private init(
    _ name: String, _ summary: String, terms: String, mirrors: [String], files: [File]
  ) {
    self.name = name
    self.summary = summary
    self.terms = terms
    self.mirrors = mirrors
    self.files = files
  }

  /// A set of files of one's own, under the same rules.
  init(name: String, files: [File]) {
    self.init(name, "", terms: "", mirrors: [], files: files)
  }

  private static func idx(_ content: [(md5: String, size: Int?)]) -> [File] {
    let names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"]
    return zip(names, content).map { File(name: $0 + "-ubyte.gz", md5: $1.md5, size: $1.size, members: []) }
  }

  private static let mnist = KnownDataset(
    "mnist", "handwritten digits, 28×28×1, 60,000 + 10,000",
    terms: "Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0",
    mirrors: ["https://ossci-datasets.s3.amazonaws.com/mnist/"],
    files: idx([
      ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422), ("d53e105ee54ea40749a09fcbcd1e9432", 28881),
      ("9fb629c4189551a2d022fa330f9573f3", 1_648_877), ("ec29112dd5afa0611ce80d1b7f02629c", 4542),
    ]))

  private static let fashionMNIST = KnownDataset(
    "fashion-mnist", "articles of clothing, 28×28×1, 60,000 + 10,000", terms: "Zalando SE; MIT",
    mirrors: ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
    files: idx([
      ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880), ("25c81989df183df01b3e8a0aad5dffbe", 29515),
      ("bef4ecab320f06d8554ea6380940ec79", nil), ("bb300cfdad3c16e7a12a480ee83cd310", 5148),
    ]))

  private static let kmnist = KnownDataset(
    "kmnist", "cursive Japanese characters, 28×28×1, 60,000 + 10,000", terms: "ROIS-DS CODH; CC BY-SA 4.0",
    mirrors: ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"],
    files: idx([
      ("bdb82020997e1d708af4cf47b453dcf7", 18_165_135), ("e144d726b3acfaa3e44228e80efcd344", nil),
      ("5c965bf0a639b31b8f53240b1b52f4d7", nil), ("7320c461ea6c1c855c0b718fb2a4b134", nil),
    ]))

  private static let cifar10 = KnownDataset(
    "cifar10", "photographs of 10 classes, 32×32×3, 50,000 + 10,000",
    terms: "A. Krizhevsky 2009; no licence stated, cite the report",
    mirrors: ["https://www.cs.toronto.edu/~kriz/"],
    files: [
      File(
        name: "cifar-10-binary.tar.gz", md5: "c32a1d4ab5d03f1284b67883e8d87530", size: 170_052_171,
        members: (1...5).map { "data_batch_\($0).bin" } + ["test_batch.bin", "batches.meta.txt"])
    ])

  private static let cifar100 = KnownDataset(
    "cifar100", "photographs of 100 classes, 32×32×3, 50,000 + 10,000",
    terms: "A. Krizhevsky 2009; no licence stated, cite the report",
    mirrors: ["https://www.cs.toronto.edu/~kriz/"],
    files: [
      File(
        name: "cifar-100-binary.tar.gz", md5: "03b5dce01913d631647c71ecec9e9cb8", size: 168_513_733,
        members: ["train.bin", "test.bin", "fine_label_names.txt"])
    ])
}
