// Finds the four files of an IDX data set under the names in use: MNIST, Fashion-MNIST, KMNIST, EMNIST.

import Foundation

/// The four files of one data set in a folder.
struct IDXNames {
  let trainImages, trainLabels, testImages, testLabels: String
  /// What stands before `train-images`: empty, or such as `emnist-letters`.
  let prefix: String

  /// Whether one of the names is that of an IDX data set's file.
  static func holdsAny(of names: [String]) -> Bool {
    names.contains { Candidate(fileName: $0) != nil }
  }

  /// Looks through `directory`. A raw file is preferred to its `.gz` twin.
  init(directory: String) throws(DatasetError) {
    try ByteFile.requireDirectory(directory)
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    } catch {
      throw .unreadable(path: directory, reason: "its entries cannot be listed")
    }
    // "a" sorts before "a.gz", so the first of a kind is the raw one.
    let found = names.compactMap(Candidate.init(fileName:))
    let prefixes = Set(found.map(\.prefix)).sorted()
    guard prefixes.count <= 1 else {
      throw .ambiguous(directory: directory, names: prefixes.map { $0.isEmpty ? "train-images-…" : $0 })
    }
    let prefix = prefixes.first ?? ""
    func path(_ part: Candidate.Part, _ content: Candidate.Content) throws(DatasetError) -> String {
      guard let match = found.first(where: { $0.part == part && $0.content == content }) else {
        let stem = prefix.isEmpty ? part.rawValue : "\(prefix)-\(part == .test ? "test" : part.rawValue)"
        throw .missingFile(
          directory: directory,
          part: "\(part == .train ? "training" : "test") \(content.rawValue)",
          expected: "\(stem)-\(content.rawValue)-\(content.suffix)")
      }
      return directory + "/" + match.fileName
    }
    self.prefix = prefix
    trainImages = try path(.train, .images)
    trainLabels = try path(.train, .labels)
    testImages = try path(.test, .images)
    testLabels = try path(.test, .labels)
  }
}

/// A file name taken apart: `[prefix-](train|t10k|test)-(images|labels)(-|.)idx(3|1)-ubyte[.gz]`.
private struct Candidate {
  enum Part: String {
    case train
    case test = "t10k"
  }

  enum Content: String {
    case images, labels
    var suffix: String { self == .images ? "idx3-ubyte" : "idx1-ubyte" }
  }

  let fileName, prefix: String
  let part: Part
  let content: Content

  init?(fileName: String) {
    var rest = Substring(fileName)
    if rest.hasSuffix(".gz") { rest.removeLast(3) }
    var content: Content?
    for candidate in [Content.images, .labels] {
      for separator in ["-", "."] {
        let ending = "-" + candidate.rawValue + separator + candidate.suffix
        if rest.hasSuffix(ending) {
          rest.removeLast(ending.count)
          content = candidate
        }
      }
    }
    guard let content else { return nil }
    let words: [(String, Part)] = [("train", .train), ("t10k", .test), ("test", .test)]
    for (word, part) in words where rest == word || rest.hasSuffix("-" + word) {
      self.fileName = fileName
      self.part = part
      self.content = content
      prefix = rest == word ? "" : String(rest.dropLast(word.count + 1))
      return
    }
    return nil
  }
}
