// A folder of its own for a test's data set, and the files that NumPy and Pillow made.

import Foundation

@testable import Datasets

/// A temporary folder; removed with the value that owns it.
final class DatasetFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "data-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(at: url)
  }

  /// - Parameter name: with the folders to make on the way: `train/cat/1.png`.
  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  /// Copies files of Fixtures: `["x_train.npy": "arrays/nhwc-u1.npy"]`.
  func copy(_ files: [String: String]) throws {
    for (name, fixture) in files { try write(name, Self.fixture(fixture)) }
  }

  func load(_ form: ImageForm = ImageForm(), seed: UInt64 = 1) throws(DatasetError) -> Dataset {
    try Dataset.load(directory: url, images: form, seed: seed)
  }

  /// What reading says; the folder's random name is taken out.
  func error(_ form: ImageForm = ImageForm()) -> String {
    do throws(DatasetError) {
      _ = try load(form)
      return "no error"
    } catch {
      return "\(error)".replacingOccurrences(of: url.path, with: "DATA")
    }
  }

  static func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return try Array(Data(contentsOf: folder.appendingPathComponent("Fixtures/" + name)))
  }
}
