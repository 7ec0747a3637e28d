// The layout of a header as `scripts/abi-layout` prints it, and what may become of it.

import Foundation
import TestSupport

/// Structs, constants and functions of a version of a header.
struct HeaderLayout {
  struct Member: Equatable {
    let offset: Int
    /// Type and name.
    let declaration: String
  }

  struct Struct {
    let size: Int
    var members: [Member] = []
    /// One whose writers and readers may be of different minors.
    var isGrowable: Bool { members.first?.declaration == "uint32_t struct_size" }
  }

  private(set) var structs: [String: Struct] = [:]
  private(set) var constants: [String: String] = [:]
  /// With their types.
  private(set) var functions: Set<String> = []

  /// Reads what the script printed.
  init(parsing text: String) {
    var current = ""
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true).map(String.init)
      if words.count == 3, words[0] == "struct", let size = Int(words[2]) {
        current = words[1]
        structs[current] = Struct(size: size)
      } else if words.count == 3, words[0] == "constant" {
        constants[words[1]] = words[2]
      } else if words.count == 3, words[0] == "function" {
        functions.insert("\(words[1]) \(words[2])")
      } else if line.hasPrefix("  "), let offset = words.first.flatMap({ Int($0) }) {
        structs[current]?.members.append(
          Member(offset: offset, declaration: words.dropFirst().joined(separator: " ")))
      }
    }
  }

  /// Runs the script on a header.
  init(of header: URL) throws {
    self.init(
      parsing: try Compiler("bash").output([Repository.file("scripts/abi-layout").path, header.path]))
  }

  /// Elements of spans grow by their stride: they need no size in front.
  private static let elements = [
    "optplug_parameter", "optplug_hyperparameter", "optplug_segment", "optplug_base", "optplug_operation",
  ]

  /// What in `newer` breaks a plugin or a host that was built with this header.
  func breaches(in newer: HeaderLayout) -> [String] {
    var breaches: [String] = []
    for (name, old) in structs.sorted(by: { $0.key < $1.key }) {
      guard let new = newer.structs[name] else {
        breaches.append("\(name) is gone")
        continue
      }
      for (i, member) in old.members.enumerated()
      where !new.members.indices.contains(i) || new.members[i] != member {
        breaches.append("\(name): '\(member.declaration)' at \(member.offset) was changed or moved")
      }
      let mayGrow = old.isGrowable || Self.elements.contains(name)
      if new.size < old.size || (new.size != old.size && !mayGrow) {
        breaches.append("\(name) was \(old.size) bytes and is \(new.size)")
      }
    }
    for (name, value) in constants.sorted(by: { $0.key < $1.key }) where newer.constants[name] != value {
      breaches.append("\(name) was \(value) and is \(newer.constants[name] ?? "gone")")
    }
    return breaches + functions.subtracting(newer.functions).sorted().map { "\($0) is gone or was changed" }
  }
}
