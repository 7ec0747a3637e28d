// Every bit of parameters and state at one moment, and where two of them differ.

import OptimizerHost

struct Snapshot {
  let tensors: [NamedTensor]

  /// Where `other` differs, in words, or nil. Steps, hyperparameters and names count.
  func difference(from other: Snapshot) -> String? {
    guard tensors.map(\.name) == other.tensors.map(\.name) else { return "the state has other parts" }
    for (a, b) in zip(tensors, other.tensors) where a.bytes != b.bytes {
      guard let byte = zip(a.bytes, b.bytes).enumerated().first(where: { $1.0 != $1.1 })?.offset else {
        return "'\(a.name)' has another size"
      }
      let element = byte / a.dtype.size
      return "'\(a.name)' differs at element \(element): \(b.text(element)) and \(a.text(element))"
    }
    return nil
  }

  /// Ends the case as failed where `other` differs.
  func expectSame(as other: Snapshot, _ when: @autoclosure () -> String) throws {
    if let difference = difference(from: other) { throw Verdict.failed("\(when()): \(difference)") }
  }
}

extension NamedTensor {
  fileprivate func text(_ element: Int) -> String {
    bytes.withUnsafeBytes { bytes in
      switch dtype {
      case .float32: "\(bytes.loadUnaligned(fromByteOffset: element * 4, as: Float.self))"
      case .float64: "\(bytes.loadUnaligned(fromByteOffset: element * 8, as: Double.self))"
      case .int64: "\(bytes.loadUnaligned(fromByteOffset: element * 8, as: Int64.self))"
      default: "\(bytes[element * dtype.size])"
      }
    }
  }
}
