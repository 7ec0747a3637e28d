// Every value that decides a result, by name, so that two runs can be told apart and the difference be named.

import Datasets
import OptimizerHost
import Safetensors

/// Names and values, in no order.
struct Fingerprint: Hashable, Codable, Sendable {
  let values: [String: String]

  init(values: [String: String]) {
    self.values = values
  }

  /// All stored values of `subject`, however deep, under paths such as `optimizer.learningRate`. New members of a
  /// type are in it by themselves.
  /// - Parameter leavingOut: members of `subject` that decide no result.
  init(of subject: some Any, leavingOut: Set<String> = []) {
    var values: [String: String] = [:]
    for child in Mirror(reflecting: subject).children {
      guard let label = child.label, !leavingOut.contains(label) else { continue }
      Self.collect(child.value, at: label, into: &values)
    }
    self.values = values
  }

  private static func collect(_ value: Any, at path: String, into values: inout [String: String]) {
    let mirror = Mirror(reflecting: value)
    let children = Array(mirror.children)
    switch mirror.displayStyle {
    case .optional:
      if let wrapped = children.first {
        collect(wrapped.value, at: path, into: &values)
      } else {
        values[path] = "none"
      }
    case .collection:
      values[path] = "\(children.count) entries"
      for (place, child) in children.enumerated() {
        collect(child.value, at: "\(path).\(place)", into: &values)
      }
    case .dictionary, .set:
      // Their order changes from process to process.
      values[path] = children.map { "\($0.value)" }.sorted().joined(separator: " ")
    case .struct, .tuple, .enum, .class:
      guard !children.isEmpty else {
        values[path] = "\(value)"
        return
      }
      for (place, child) in children.enumerated() {
        if mirror.displayStyle == .enum { values[path] = child.label ?? "" }
        collect(child.value, at: "\(path).\(child.label ?? "\(place)")", into: &values)
      }
    default: values[path] = "\(value)"
    }
  }

  /// What is different here, one line each: `batchSize was 32 and is 64`.
  func differences(from saved: Fingerprint) -> [String] {
    Set(values.keys).union(saved.values.keys).sorted().compactMap { name in
      let (was, now) = (saved.values[name], values[name])
      return was == now ? nil : "\(name) was \(was ?? "not there") and is \(now ?? "not there")"
    }
  }
}

/// What a data set holds, short enough to write down.
public struct DataIdentity: Hashable, Codable, Sendable {
  /// Images of one part and their labels.
  public struct Part: Hashable, Codable, Sendable {
    public let count: Int
    /// CRC-32 of pixels and labels, in hexadecimal digits.
    public let crc32: String

    init(_ images: LabeledImages) {
      count = images.count
      var checksum = CRC32()
      checksum.add(images.pixels)
      checksum.add(images.labels)
      crc32 = checksum.hex
    }
  }

  public let shape: String
  public let classes: Int
  public let train, test: Part

  public init(_ dataset: Dataset) {
    shape = dataset.shape.description
    classes = dataset.classCount
    train = Part(dataset.train)
    test = Part(dataset.test)
  }
}
