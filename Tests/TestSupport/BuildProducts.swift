// Where the build put plugins and binaries, and where the repository's files are.

import Foundation
import OptimizerHost

public enum BuildProducts {
  /// The folder of the test binary, which is also that of the plugins and the tools.
  public static let directory: URL = {
    let binary = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    // On macOS the binary lies inside a bundle.
    let bundle = sequence(first: binary) { $0.path == "/" ? nil : $0.deletingLastPathComponent() }
      .first { $0.pathExtension == "xctest" }
    return (bundle ?? binary).deletingLastPathComponent()
  }()

  /// A plugin's file, such as `libSGD.so`.
  public static func plugin(_ name: String) -> URL {
    #if os(macOS)
      directory.appendingPathComponent("lib\(name).dylib")
    #else
      directory.appendingPathComponent("lib\(name).so")
    #endif
  }

  /// Tries unknown files in this build's helper, and remembers them for this run of the tests.
  public static let scanning = Scanning(
    probe: directory.appendingPathComponent("optplug-probe").path,
    cache: CPlugin.folder.appendingPathComponent("cache").path)

  /// A registry that knows the plugins of this build and no others.
  public static func registry() -> PluginRegistry {
    PluginRegistry(searchPath: [directory.path], scanning: scanning)
  }
}

public enum Repository {
  /// The repository's root.
  public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A file by its path in the repository.
  public static func file(_ path: String) -> URL { root.appendingPathComponent(path) }
}
