// Finds out by looking which kind of data set a folder holds.

import Foundation

/// The kinds of folders that can be read.
public enum DatasetFormat: String, CaseIterable, Sendable {
  case idx = "IDX files"
  case cifar10 = "CIFAR-10 files"
  case cifar100 = "CIFAR-100 files"
  case numpy = "NumPy files"
  case imageFolder = "folders of images"

  /// What the names in a folder tell.
  /// - Throws: ``DatasetError``: no data set there, or several.
  static func found(in directory: String) throws(DatasetError) -> (format: DatasetFormat, directory: String) {
    let names = try ByteFile.names(in: directory)
    let formats = allCases.filter { $0.isSeen(among: names, in: directory) }
    if formats.count > 1 {
      throw .ambiguous(directory: directory, names: formats.map(\.rawValue))
    }
    if let format = formats.first { return (format, directory) }
    // An archive's own folder: cifar-10-batches-bin.
    let folders = names.filter { ByteFile.isDirectory(directory + "/" + $0) }
    if folders.count == 1, names.count <= 2 {
      let inner = directory + "/" + folders[0]
      let formats = allCases.filter { $0.isSeen(among: (try? ByteFile.names(in: inner)) ?? [], in: inner) }
      if formats.count == 1 { return (formats[0], inner) }
    }
    throw .noDataset(directory: directory)
  }

  private func isSeen(among names: [String], in directory: String) -> Bool {
    switch self {
    case .idx: IDXNames.holdsAny(of: names)
    case .cifar10:
      names.contains { $0 == "test_batch.bin" || $0.hasPrefix("data_batch_") && $0.hasSuffix(".bin") }
    case .cifar100: names.contains("train.bin") || names.contains("test.bin")
    case .numpy: NumPyNames.holdsAny(of: names)
    case .imageFolder: ImageFolder.isSeen(among: names, in: directory)
    }
  }
}

extension Dataset {
  /// Reads a folder of any format that ``DatasetFormat`` knows; the names of its files tell which.
  /// - Parameters:
  ///   - images: size and colours that the images are to have.
  ///   - seed: divides images into training and test where a folder of images does not.
  public static func load(
    directory: URL, images: ImageForm = ImageForm(), seed: UInt64 = 42
  ) throws(DatasetError) -> Dataset {
    let (format, path) = try DatasetFormat.found(in: directory.path)
    let url = URL(fileURLWithPath: path, isDirectory: true)
    let name = directory.standardizedFileURL.lastPathComponent
    let dataset: Dataset
    switch format {
    case .idx: dataset = try .idx(directory: url)
    case .cifar10: dataset = try .cifar(directory: path, name: name, .ten)
    case .cifar100: dataset = try .cifar(directory: path, name: name, .hundred)
    case .numpy: dataset = try .numpy(directory: path, name: name)
    case .imageFolder:
      return try ImageFolder(directory: path).dataset(name: name, images, seed: seed)
    }
    return dataset.inForm(images)
  }
}
