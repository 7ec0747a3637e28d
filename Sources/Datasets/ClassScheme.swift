// The classes of the published IDX data sets: how many, how they are called, where their labels start.

/// How labels in a file become class numbers and names.
struct ClassScheme {
  /// The label in the file that means class 0.
  let firstLabel: Int
  /// Names by class, or `nil` where the labels themselves tell how many there are.
  let names: [String]?

  /// The scheme of a data set by its files' prefix (`emnist-letters`) and its folder's name.
  ///
  /// EMNIST: G. Cohen et al. 2017, <https://arxiv.org/abs/1702.05373>, table II; letters are numbered from 1
  /// there. Its images lie on their side (rows and columns swapped), which a network does not mind, so they
  /// are left as they are. Fashion-MNIST: H. Xiao et al. 2017, <https://arxiv.org/abs/1708.07747>.
  /// KMNIST: T. Clanuwat et al. 2018, <https://arxiv.org/abs/1812.01718>.
  init(prefix: String, directoryName: String) {
    let digits = (0...9).map(String.init)
    let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".map(String.init)
    let lower = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    let folder = directoryName.lowercased()
    switch prefix.lowercased() {
    case "emnist-letters": (firstLabel, names) = (1, upper)
    case "emnist-byclass": (firstLabel, names) = (0, digits + upper + lower)
    case "emnist-balanced", "emnist-bymerge":
      (firstLabel, names) = (0, digits + upper + "abdefghnqrt".map(String.init))
    case "emnist-digits", "emnist-mnist": (firstLabel, names) = (0, digits)
    case _ where folder.contains("fashion"):
      firstLabel = 0
      names = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
      ]
    case _ where folder.contains("kmnist") || folder.contains("kuzushiji"):
      (firstLabel, names) = (0, ["お", "き", "す", "つ", "な", "は", "ま", "や", "れ", "を"])
    default: (firstLabel, names) = (0, nil)
    }
  }

  /// Class names for a training set with these labels: the published ones, or the numbers from 0 to the
  /// largest label, ten at least (a small extract of a digit set need not hold a nine).
  func classNames(trainLabels: [UInt8]) -> [String] {
    names ?? (0...max(9, Int(trainLabels.max() ?? 0))).map(String.init)
  }

  /// Labels as class numbers.
  /// - Throws: ``DatasetError/labelOutOfRange(path:index:label:valid:)`` for the first that is none.
  func classNumbers(_ file: IDXFile, classes: Int) throws(DatasetError) -> [UInt8] {
    let valid = firstLabel...(firstLabel + classes - 1)
    if let index = file.bytes.firstIndex(where: { !valid.contains(Int($0)) }) {
      throw .labelOutOfRange(path: file.path, index: index, label: Int(file.bytes[index]), valid: valid)
    }
    return firstLabel == 0 ? file.bytes : file.bytes.map { $0 - UInt8(firstLabel) }
  }
}
