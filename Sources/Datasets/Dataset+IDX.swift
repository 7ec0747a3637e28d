// A data set from a folder of IDX files.

import Foundation

extension Dataset {
  /// Reads the four IDX files of a folder: MNIST, Fashion-MNIST, KMNIST or one EMNIST split, raw or gzip, as
  /// they are published (`train-images-idx3-ubyte[.gz]`, `t10k-labels-idx1-ubyte`, `train-images.idx3-ubyte`,
  /// `emnist-letters-train-images-idx3-ubyte.gz` …).
  ///
  /// Every header is checked against its file before memory is taken, and a gzip file is never unpacked
  /// beyond what its header promises. Classes: the published ones where the names tell; otherwise as many as
  /// the largest training label needs, ten at least.
  /// - Throws: ``DatasetError``, which names the file.
  public static func idx(directory: URL) throws(DatasetError) -> Dataset {
    let path = directory.path
    let names = try IDXNames(directory: path)
    let folderName = directory.standardizedFileURL.lastPathComponent
    let scheme = ClassScheme(prefix: names.prefix, directoryName: folderName)
    let trainLabels = try IDXFile(path: names.trainLabels, rank: 1)
    let classNames = scheme.classNames(trainLabels: trainLabels.bytes)
    let testLabels = try IDXFile(path: names.testLabels, rank: 1)
    let train = try labeled(images: names.trainImages, labels: trainLabels, scheme, classNames.count)
    let test = try labeled(images: names.testImages, labels: testLabels, scheme, classNames.count)
    guard train.shape == test.shape else {
      throw .shapeMismatch(
        train: names.trainImages, trainShape: train.shape, test: names.testImages, testShape: test.shape)
    }
    return Dataset(name: folderName, classNames: classNames, train: train, test: test)
  }

  private static func labeled(
    images path: String, labels: IDXFile, _ scheme: ClassScheme, _ classes: Int
  ) throws(DatasetError) -> LabeledImages {
    let classNumbers = try scheme.classNumbers(labels, classes: classes)
    let images = try IDXFile(path: path, rank: 3)
    guard images.dimensions[0] == classNumbers.count else {
      throw .countMismatch(
        images: path, imageCount: images.dimensions[0], labels: labels.path, labelCount: classNumbers.count)
    }
    let shape = ImageShape(channels: 1, height: images.dimensions[1], width: images.dimensions[2])
    return LabeledImages(shape: shape, pixels: images.bytes, labels: classNumbers)
  }
}
