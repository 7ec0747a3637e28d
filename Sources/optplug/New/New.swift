// optplug new: a folder that an author of an optimizer starts from.

import ArgumentParser
import Foundation
import OptimizerHost
import Terminal

struct New: Command {
  static let configuration = CommandConfiguration(
    abstract: "Makes a folder with a working plugin: source, build file, test and README.",
    discussion: """
      The optimizer is gradient descent with momentum, the wrapper keeps an average of the weights for evaluation; \
      put your own formula in its place. The folder is made in the current one, by the plugin's name.
      """)

  enum Language: String, CaseIterable, ExpressibleByArgument { case c, swift }

  @Argument(help: ArgumentHelp("The optimizer's name: a-z, 0-9, - and _, a letter first.", valueName: "name"))
  var name: PluginName

  @Option(help: ArgumentHelp("What to write it in.", valueName: "c|swift"))
  var language: Language

  @Flag(help: "A wrapper over another optimizer.")
  var wrapper = false

  @Option(
    help: ArgumentHelp(
      "Where OptPlug is: its folder, or for Swift the address of its repository. (default: that of this program)",
      valueName: "path|url"))
  var optplug: String?

  func perform() throws {
    if language == .swift, let problem = name.moduleProblem { throw ValidationError(problem) }
    let files =
      switch language {
      case .c: CTemplate(name: name, isWrapper: wrapper, header: try OptPlugPlace.header(optplug)).files
      case .swift:
        SwiftTemplate(name: name, isWrapper: wrapper, package: try OptPlugPlace.package(optplug)).files
      }
    try NewFolder.write(files, to: name.text)
    let test = language == .c ? "make test" : "swift build && swift test"
    try Console.output(
      "\(name.text)/\n" + files.map { "  \($0.path)" }.joined(separator: "\n")
        + "\nNext: cd \(name.text) && \(test)")
  }
}

/// A name as the ABI allows it.
struct PluginName: ExpressibleByArgument {
  let text: String

  init?(argument: String) {
    guard argument.wholeMatch(of: /[a-z][a-z0-9_\-]{0,62}/) != nil else { return nil }
    text = argument
  }

  /// As the name of a type or a module: `my_sgd` as `MySgd`.
  var module: String {
    text.split { $0 == "_" || $0 == "-" }.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  /// Why the name cannot be that of a Swift module, or nil.
  var moduleProblem: String? {
    let taken: Set<String> = [
      "Swift", "Foundation", "Testing", "OptimizerKit", "OptimizerHost", "S", "Self", "Type",
    ]
    return taken.contains(module)
      ? "'\(text)' would be the Swift module \(module), which exists already; choose another name" : nil
  }
}

/// A file of a new folder.
struct NewFile {
  let path: String
  let text: String
}

enum NewFolder {
  /// Makes a folder with files; leaves nothing behind when that fails.
  /// - Throws: ``CannotCreate``.
  static func write(_ files: [NewFile], to folder: String) throws {
    guard mkdir(folder, 0o777) == 0 else {
      let reason =
        errno == EEXIST
        ? "it exists already; choose another name or remove it" : String(cString: strerror(errno))
      throw CannotCreate(path: folder, reason: reason)
    }
    do {
      for file in files {
        let url = URL(fileURLWithPath: folder).appendingPathComponent(file.path)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(file.text.utf8).write(to: url, options: .withoutOverwriting)
      }
    } catch {
      try? FileManager.default.removeItem(atPath: folder)
      throw CannotCreate(path: folder, reason: error.localizedDescription)
    }
  }
}

/// Something that a command was to make.
struct CannotCreate: Error, CustomStringConvertible {
  let path, reason: String

  var description: String { "\(path) cannot be made: \(reason)" }
}
