// The name of a network on the command line.

import ArgumentParser
import ConvNet

/// An architecture as the command line takes it: any case, `-` and `_` as one likes.
struct ArchitectureName: ExpressibleByArgument {
  let architecture: Architecture

  static let lenet = ArchitectureName(architecture: .lenet)

  private init(architecture: Architecture) {
    self.architecture = architecture
  }

  init?(argument: String) {
    guard let architecture = Architecture(name: argument) else { return nil }
    self.architecture = architecture
  }

  static var allValueStrings: [String] { Architecture.allCases.map(\.rawValue) }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
  var defaultValueDescription: String { architecture.rawValue }
}
