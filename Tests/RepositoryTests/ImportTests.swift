// Who imports whom, against the table of the architecture.

import Foundation
import TestSupport
import Testing

/// A Swift file and the modules that it imports.
private struct Source {
  let path: String
  let imports: [String]

  init(_ path: String) throws {
    self.path = path
    let text = try String(contentsOf: Repository.file(path), encoding: .utf8)
    // Text in three quotation marks may hold another file's source.
    let code = text.components(separatedBy: "\"\"\"").enumerated().filter { $0.offset % 2 == 0 }
    imports = code.flatMap { $0.element.split(separator: "\n") }.compactMap {
      $0.firstMatch(
        of:
          /^\s*(?:@\w+\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)/
      ).map { String($0.1) }
    }
  }
}

@Suite struct ImportTests {
  private static let system: Set<String> = ["Foundation", "Glibc", "Darwin", "Dispatch", "Synchronization"]

  /// Modules of the repository, and libraries of others, that a module may import beside the system's.
  private static let allowed: [String: Set<String>] = [
    "BasicFoundation": ["FoundationEssentials"],
    "OptimizerHost": ["BasicFoundation", "COptPlug", "COptimizerHost", "CFFI"],
    "PluginValidator": ["OptimizerHost", "COptPlug", "CPluginValidator"],
    "Safetensors": ["BasicFoundation", "OptimizerHost"],
    "HostLibrary": ["BasicFoundation", "OptimizerHost", "Safetensors", "COptPlugHost"],
    "FileLocking": [],
    "Datasets": ["CZlib", "CPNG", "CJPEG", "FileLocking"],
    "ConvNet": ["COneDNN", "CImageLoops"],
    "Training": ["OptimizerHost", "Safetensors", "Datasets", "ConvNet", "FileLocking"],
    "Reporting": ["Training", "Safetensors", "Datasets"],
    "optplug-probe": ["BasicFoundation", "OptimizerHost"],
    "Terminal": ["OptimizerHost", "ArgumentParser"],
    "optplug": ["OptimizerHost", "PluginValidator", "Terminal", "CMemoryLimit", "ArgumentParser"],
    "convtrain": [
      "Training", "Reporting", "OptimizerHost", "Datasets", "ConvNet", "Terminal", "ArgumentParser",
    ],
    "stepbench": ["OptimizerHost", "COptPlug", "CMemoryLimit"],
    "trainbench": ["Training", "OptimizerHost", "Datasets", "ConvNet"],
  ]

  /// A plugin has no runtime below it, not even Foundation, and knows no other plugin.
  private static let allowedInPlugins: Set<String> = ["COptPlug", "OptimizerKit", "COptimizerKit"]

  private func expect(_ path: String, imports allowed: Set<String>) throws {
    for module in try Source(path).imports {
      #expect(allowed.contains(module), "\(path) imports \(module), which the architecture does not allow")
    }
  }

  @Test func librariesAndToolsKeepToTheTable() throws {
    let paths = ["Sources", "Benchmarks"].flatMap { RepositoryFiles.paths(under: $0, extensions: ["swift"]) }
    #expect(!paths.isEmpty)
    for path in paths {
      let module = String(path.split(separator: "/")[1])
      guard module != "OptimizerKit" else { continue }
      let allowed = try #require(Self.allowed[module], "\(path): the module is not in the table")
      try expect(path, imports: allowed.union(Self.system))
    }
  }

  /// What goes into liboptplug.so takes the small part of Foundation: the other is forty megabytes.
  @Test(arguments: ["OptimizerHost", "HostLibrary", "Safetensors", "optplug-probe"])
  func theHostLibraryStaysSmall(_ module: String) throws {
    let paths = RepositoryFiles.paths(under: "Sources/\(module)", extensions: ["swift"])
    #expect(!paths.isEmpty)
    for path in paths { #expect(try !Source(path).imports.contains("Foundation"), "\(path)") }
  }

  @Test(arguments: ["Plugins", "Examples", "Sources/OptimizerKit"])
  func pluginsImportTheKitOnly(_ folder: String) throws {
    for path in RepositoryFiles.paths(under: folder, extensions: ["swift"])
    where !path.hasSuffix("/Package.swift") && !path.contains("/Tests/") {
      try expect(path, imports: Self.allowedInPlugins)
    }
  }

  @Test func theScannerSeesImports() throws {
    let this = try Source("Tests/RepositoryTests/ImportTests.swift")
    #expect(this.imports == ["Foundation", "TestSupport", "Testing"])
    let host = try Source("Sources/OptimizerHost/Optimizer.swift")
    #expect(host.imports.contains("COptPlug"))
    #expect(!RepositoryFiles.paths(under: "Plugins", extensions: ["swift"]).isEmpty)
  }

  /// Only a tool may write to the terminal or end the process.
  @Test func librariesNeitherPrintNorExit() throws {
    let paths = ["Sources", "Plugins"].flatMap { RepositoryFiles.paths(under: $0, extensions: ["swift"]) }
      .filter { !$0.hasPrefix("Sources/convtrain/") && !$0.hasPrefix("Sources/optplug") }
    for path in paths {
      let text = try String(contentsOf: Repository.file(path), encoding: .utf8)
      for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where !line.drop(while: \.isWhitespace).hasPrefix("//") {
        #expect(
          line.firstMatch(of: /(?:^|[^\w.`])(?:print|debugPrint|exit|abort|fatalError)\(/) == nil,
          "\(path):\(number + 1)")
      }
    }
  }
}
